/**
 * The container's own file system: making it, mounting it, holding it still for the instant of a backup.
 *
 * <p><b>Freezing.</b> {@code syncfs} is repeated until it is short, so that FIFREEZE has little left to write. FIFREEZE waits
 * for every writer and holds new ones; it cannot be taken back while it waits. So the time is watched from two sides: the
 * caller thaws at once when FIFREEZE returned too late, and a watchdog in another process thaws at the deadline whatever
 * happens to the caller. Only a freeze that was in force from before the instant until after it makes the grade
 * {@code FILESYSTEM}; the watchdog having thawed makes it {@code CRASH}.
 */
@NullMarked
package org.tidemark.ploop.filesystem;

import org.jspecify.annotations.NullMarked;
