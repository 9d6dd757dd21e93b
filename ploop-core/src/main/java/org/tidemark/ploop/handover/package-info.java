/**
 * Who may write to an image that moves between two hosts (invariant 10): a small protocol with a record on either side, durable
 * beside the image before anybody acts on it.
 *
 * <pre>
 *   source                                                  destination
 *   OWNER(e, a): writes
 *   record OWNER(e, a+1)          -- PREPARE(e+1, a+1) -->  record AWAITED(e+1, a+1)
 *                                 &lt;-- READY --
 *   stops writing; copies the rest
 *   record LEAVING(e+1, a+1)      -- COMMIT ----------->    record OWNER(e+1, a+1): writes
 *   record GONE(e+1, a+1)         &lt;-- TAKEN --
 * </pre>
 *
 * <p>Up to the record LEAVING any failure leaves the source its owner, by itself: it never waits for the other side. From that record on
 * the source stays stopped until it hears TAKEN, or REFUSED: a destination that will not or cannot take it records that first, and
 * never takes that attempt afterwards. Every attempt has a number of its own, recorded before it is used, and a destination only
 * ever moves to a higher one: a message that arrives late, or twice, finds its attempt decided.
 *
 * <p>Messages may be lost, doubled, late and in any order; both sides may crash between any two steps. What a record says that was being
 * written when its host crashed is read again from the file. {@link
 * org.tidemark.ploop.handover.HandOver} is both sides: the next move may go the other way.
 */
@NullMarked
package org.tidemark.ploop.handover;

import org.jspecify.annotations.NullMarked;
