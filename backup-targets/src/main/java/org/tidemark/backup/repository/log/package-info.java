/**
 * The commit log: one numbered record for each recovery point of a container.
 *
 * <p>A point exists when its record does; the record is put last, if absent, at the next number. So two sessions that
 * began from the same number cannot both commit, whatever hosts they run on, and a crash before the record leaves
 * nothing anybody can see.
 *
 * <p>A record that cannot be read hides only itself: it is listed as unreadable beside the others, never silently left
 * out.
 */
@NullMarked
package org.tidemark.backup.repository.log;

import org.jspecify.annotations.NullMarked;
