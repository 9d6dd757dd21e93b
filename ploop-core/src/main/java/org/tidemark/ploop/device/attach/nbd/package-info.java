/**
 * NBD, the network block device protocol, over Unix sockets and TCP, with TLS: how programs read devices and views.
 *
 * <p>Server and client speak fixed newstyle negotiation with structured replies, {@code base:allocation} and
 * {@code qemu:dirty-bitmap:...} contexts. All numbers on the wire are big-endian. Written from the protocol document of the
 * NBD project ({@code doc/proto.md}).
 *
 * <p>A view is exported read-only and takes TRIM all the same: for a view it means "I have what I need of this", which ends
 * copy-before-write there.
 *
 * <p>A connection has a few threads of its own. Each takes the read lock, reads one request with its payload, lets go, does
 * the work, takes the write lock and answers. So requests run side by side, answers come in any order, and memory is bounded
 * by threads times one buffer.
 */
@NullMarked
package org.tidemark.ploop.device.attach.nbd;

import org.jspecify.annotations.NullMarked;
