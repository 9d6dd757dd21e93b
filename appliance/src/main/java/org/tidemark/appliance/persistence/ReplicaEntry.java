package org.tidemark.appliance.persistence;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A target that is kept up with another one.
 *
 * @param source the target that it holds the same repository as
 * @param goalSeconds how long a point of the source may wait before somebody is told
 * @param bandwidth what it may use of the link, by hour and day; see {@link org.tidemark.scheduler.BandwidthPlan}
 * @param enabled whether it runs by itself
 * @param lastSlotAt the slot of its schedule that was taken last
 * @param lastRunAt when a run ended last
 * @param lastSuccessAt when one last ended well
 * @param lastError why the last run failed; null when it did not
 */
public record ReplicaEntry(
        String target,
        String source,
        long everySeconds,
        long goalSeconds,
        String bandwidth,
        boolean enabled,
        Instant createdAt,
        @Nullable Instant lastSlotAt,
        @Nullable Instant lastRunAt,
        @Nullable Instant lastSuccessAt,
        @Nullable String lastError) {
    /** One that did not run yet. */
    public static ReplicaEntry fresh(
            String target, String source, long everySeconds, long goalSeconds, String bandwidth, Instant now) {
        return new ReplicaEntry(
                target, source, everySeconds, goalSeconds, bandwidth, true, now, null, null, null, null);
    }
}
