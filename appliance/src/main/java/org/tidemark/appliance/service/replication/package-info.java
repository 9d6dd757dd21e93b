/**
 * Replicas: targets that are kept up with another one, from target to target. What is copied how is
 * {@link org.tidemark.backup.replication}; here is when, how fast, what a person is told, and how a replica becomes a target of its
 * own when its source is lost.
 *
 * <p>The steps of a promotion:
 *
 * <ol>
 *   <li>no new run begins, those under way are cancelled and have ended;
 *   <li>what the source has and the replica lacks is looked at: at the source when it answers, else what was last known of it;
 *   <li>it is refused unless it is proven that nobody writes to the source and nothing is lost, or a person typed its name;
 *   <li>one row goes: from then on it is a target as any other. A death before leaves a replica, after it a target.
 * </ol>
 */
@NullMarked
package org.tidemark.appliance.service.replication;

import org.jspecify.annotations.NullMarked;
