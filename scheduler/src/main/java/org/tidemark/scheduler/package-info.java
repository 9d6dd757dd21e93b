/**
 * When to back up, what to keep, which job may start. Everything here is a function of (state, now): no clock, no I/O,
 * no threads, no state of its own. The caller keeps the state (last slots, points, jobs) and says what time it is.
 *
 * <p>Words: a {@link org.tidemark.scheduler.Schedule} is an endless row of <b>slots</b>, instants fixed by the schedule
 * alone and not by when anything ran; so restarts neither drift nor bunch, and "has this slot been served" has an
 * answer. A slot is <b>due</b> at the slot plus {@link org.tidemark.scheduler.Jitter}. A run serves one slot, and with
 * it every older slot that was not served.
 *
 * <p>What may be relied on:
 *
 * <ul>
 *   <li>Time change: a wall-clock time that does not exist runs at the first moment after the gap, all of one gap
 *       together once; a time that comes twice runs at its first coming only, except when the expression names every
 *       hour of the day ({@code *}), then at both. No day is left out because its hour was.
 *   <li>Downtime, or a clock set forward, brings at most one run ({@link org.tidemark.scheduler.MissedRuns}).
 *   <li>A clock set back by no more than one slot (at most a day) runs no slot twice. Set back further, the slots of
 *       the repeated time are new moments: one run at once, then on as usual. Nothing waits for the old time to come
 *       again.
 *   <li>{@link org.tidemark.scheduler.RetentionPolicy} never lets the newest point, a protected point or a point of the
 *       future expire; a policy in which nothing is set keeps everything.
 *   <li>{@link org.tidemark.scheduler.JobQueue} never starts two jobs of one container, and no job waits for ever while
 *       later ones pass it.
 * </ul>
 *
 * <p>Nothing here imports another part of Tidemark.
 */
@NullMarked
package org.tidemark.scheduler;

import org.jspecify.annotations.NullMarked;
