/**
 * The deduplication index: which chunk contents are stored already, and where. Local, in memory, rebuilt from the
 * indexes of the packs; losing it costs bytes, never correctness. Bounded: see {@link
 * org.tidemark.backup.repository.index.ChunkIndex}.
 */
@NullMarked
package org.tidemark.backup.repository.index;

import org.jspecify.annotations.NullMarked;
