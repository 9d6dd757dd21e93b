/**
 * Packs: immutable objects of about 32 MiB that hold segments, the smallest things a repository stores.
 *
 * <p>A pack is put together in memory, in slabs of 1 MiB that are reused, and put to the target by one of two threads
 * while the next one fills. Its length is bounded, so the memory of a session is bounded. The place of a segment is
 * known when it is appended, long before the pack is durable: that is harmless, because nothing names the place to
 * others before the commit, and the commit waits for every pack.
 *
 * <p>Reading needs only the place of a segment. The index at the tail of a pack serves deduplication and the collector.
 * Codecs here are the only code that knows the byte tables of docs/format/repository.md section 4.
 */
@NullMarked
package org.tidemark.backup.repository.pack;

import org.jspecify.annotations.NullMarked;
