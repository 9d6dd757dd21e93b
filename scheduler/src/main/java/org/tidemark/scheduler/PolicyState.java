package org.tidemark.scheduler;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the planner must know of one policy.
 *
 * @param since when it was made, changed or switched on: slots up to here are not its business
 */
public record PolicyState(
        String policy,
        Schedule schedule,
        Jitter jitter,
        MissedRuns missed,
        boolean enabled,
        Instant since,
        List<ContainerState> containers) {

    public PolicyState {
        containers = List.copyOf(containers);
    }

    /**
     * One container of the policy.
     *
     * @param lastSlot the slot of {@link Plan.Run} that was last taken up or skipped; record it together with the job
     * @param running whether a job of this policy for the container is queued or running
     */
    public record ContainerState(String container, @Nullable Instant lastSlot, boolean running) {}
}
