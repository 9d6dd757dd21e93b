/**
 * I/O through the page cache: works on any file system, at any alignment. The kernel keeps a second copy of what the device
 * above already caches; {@code direct} avoids that where it can.
 */
@NullMarked
package org.tidemark.ploop.io.vfs;

import org.jspecify.annotations.NullMarked;
