/**
 * The I/O modules: how the bytes of one backing file are read and written, and how names in one folder change.
 *
 * <p>{@link org.tidemark.ploop.io.ImageIo} is about bytes, {@link org.tidemark.ploop.io.ImageDirectory} is about names.
 * They are apart because committing a snapshot is "new file, rename, folder sync": durability of bytes and durability of
 * names are two promises. Both are implemented by {@code direct} (O_DIRECT), {@code vfs} (page cache) and, for tests, by a
 * simulated disk that loses, tears and reorders what was not flushed. A format module cannot tell which one is below.
 */
@NullMarked
package org.tidemark.ploop.io;

import org.jspecify.annotations.NullMarked;
