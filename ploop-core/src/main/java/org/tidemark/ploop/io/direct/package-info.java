/**
 * I/O past the page cache (O_DIRECT): no second copy of what the device above caches, and no memory needed to write back
 * memory.
 *
 * <p><b>Alignment.</b> The kernel wants positions, lengths and memory in multiples of a block, asked from {@code statx} where
 * the kernel knows, else found by trying. Such requests go straight through and allocate nothing. Any other request takes the
 * slow path of {@link org.tidemark.ploop.io.direct.DirectImageDirectory}'s files: through one bounce buffer per file, with a
 * read of the blocks at the edges.
 *
 * <p><b>Lock.</b> A slow write reads a block, changes a part and writes all of it back. A second change of the same block in
 * between would be undone, so a slow write excludes every other change of the file; aligned changes exclude only slow
 * writes (they hold the lock in shared mode).
 */
@NullMarked
package org.tidemark.ploop.io.direct;

import org.jspecify.annotations.NullMarked;
