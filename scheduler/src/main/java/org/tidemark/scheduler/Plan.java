package org.tidemark.scheduler;

import java.time.Instant;
import java.util.List;

/**
 * What to do now.
 *
 * @param due start a job for each and record its slot as the last one; first due first
 * @param skipped record the slot as the last one and start nothing (missed, and the policy says so)
 * @param lookAgainAt ask again then, or earlier when a job ends or a policy changes; at most a minute away, because a
 *     sleeping caller does not see the clock being set
 */
public record Plan(List<Run> due, List<Run> skipped, Instant lookAgainAt) {
    public Plan {
        due = List.copyOf(due);
        skipped = List.copyOf(skipped);
    }

    /** One slot of one container in one policy. */
    public record Run(String policy, String container, Instant slot, Instant dueAt) {}
}
