/**
 * I/O through the page cache: works on any file system, at any alignment. The kernel keeps a second copy of what the device
 * above already caches; {@code direct} avoids that where it can.
 *
 * <p>A write-back that failed leaves pages behind that count as written. A file that is opened for writing is therefore read
 * anew from the medium: what an operation finds when it is tried again, or recovered, is what a power cut would leave.
 */
@NullMarked
package org.tidemark.ploop.io.vfs;

import org.jspecify.annotations.NullMarked;
