/**
 * Speaking with other appliances.
 *
 * <p>Each has a key of its own, {@link org.tidemark.appliance.config.PeerKey}. Two are paired once: one makes an invitation, a text
 * with its address, its fingerprint and a secret that is good for one use and a short time; the other connects, sees that the fingerprint
 * is the right one, and shows the secret and its own certificate. From then on each knows the other's fingerprint, and TLS
 * 1.3 with certificates on both sides lets nobody else say more than a secret of an invitation.
 *
 * <p>A connection carries requests and answers in turn, each a length (u32, big-endian) and that much JSON, see {@link
 * org.tidemark.appliance.service.peer.PeerChannel}. An answer is what was asked for, or {@code error} with a kind and a sentence.
 * After some requests the connection becomes a stream of bytes in both directions.
 */
@NullMarked
package org.tidemark.appliance.service.peer;

import org.jspecify.annotations.NullMarked;
