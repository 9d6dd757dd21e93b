package org.tidemark.appliance.service.replication;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What decides whether a replica may become a target of its own.
 *
 * @param sourceError why the source does not answer; null when it does
 * @param policies enabled policies that will still back up to the source afterwards
 * @param jobs ids of jobs that write to the source, or wait to
 * @param otherWriters containers whose newest point at the source was made by another appliance
 * @param losses what the source has and the replica lacks, by container
 */
public record PromotionFacts(
        String source,
        String replica,
        @Nullable String sourceError,
        List<String> policies,
        List<Long> jobs,
        List<String> otherWriters,
        List<Loss> losses) {

    /**
     * What is lost of a container.
     *
     * @param points how many points of the source the replica lacks
     * @param newestAtSource instant of the newest there, or the newest that was known; null without one
     * @param newestAtReplica instant of the newest here; null without one
     */
    public record Loss(
            String container,
            int points,
            @Nullable Instant newestAtSource,
            @Nullable Instant newestAtReplica) {
        /** In words. */
        public String sentence() {
            if (points == 0) {
                return container + ": nothing, newest point " + newestAtReplica;
            }
            return container + ": " + (points == 1 ? "1 point" : points + " points") + ", the newest of "
                    + newestAtSource + " there, "
                    + (newestAtReplica == null ? "none here" : "of " + newestAtReplica + " here");
        }
    }

    /** What keeps it from being proven that the source is written no more and nothing is lost; empty when it is. */
    public List<String> doubts() {
        List<String> doubts = new ArrayList<>();
        if (sourceError != null) {
            doubts.add("'" + source + "' does not answer, so nobody can tell whether it is still written to ("
                    + sourceError + ")");
        }
        if (!policies.isEmpty()) {
            doubts.add(
                    "the policies " + policies + " back up to it: switch them off, or take them along with --policies");
        }
        if (!jobs.isEmpty()) {
            doubts.add("the jobs " + jobs + " write to it");
        }
        if (!otherWriters.isEmpty()) {
            doubts.add("the newest points of " + otherWriters + " were made by another appliance, which may go on");
        }
        List<String> lost = losses.stream()
                .filter(loss -> loss.points() > 0)
                .map(Loss::sentence)
                .toList();
        if (!lost.isEmpty()) {
            doubts.add("it would cost " + String.join(", ", lost)
                    + (sourceError == null
                            ? " (bring it up first with 'tidemark replicate run " + replica + "')"
                            : ""));
        }
        return doubts;
    }

    /** The refusal. */
    public String refusal() {
        return "'" + replica + "' stays a replica: " + String.join("; ", doubts())
                + ". To promote it all the same, give --really " + source;
    }
}
