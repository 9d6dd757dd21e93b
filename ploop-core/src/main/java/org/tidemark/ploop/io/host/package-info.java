/**
 * What every I/O module that works on files of this host shares: names in a folder and the calls that do not depend on how
 * bytes travel.
 *
 * <p>{@code vfs} and {@code direct} differ only in how they read and write. Both hold a {@link
 * org.tidemark.ploop.io.host.HostFile} for the rest: size, holes, durability and the suspect state.
 *
 * <p><b>Suspect.</b> After a sync that failed, Linux forgets the dirty pages and reports success the next time, so a retry
 * proves nothing. The file is then suspect for the rest of its life: reads go on, everything that changes it is refused.
 *
 * <p><b>Giving space back.</b> {@code fallocate} with a hole where the file system has it; plain zeros otherwise. Both read as
 * zeros, to the byte.
 */
@NullMarked
package org.tidemark.ploop.io.host;

import org.jspecify.annotations.NullMarked;
