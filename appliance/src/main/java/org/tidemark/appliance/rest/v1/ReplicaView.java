package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.ReplicaEntry;
import org.tidemark.appliance.service.replication.ReplicaStates;
import org.tidemark.scheduler.ReplicaLag;

/**
 * A replica as the API shows it; the place itself is the target of the same name.
 *
 * @param rpoSeconds how long a point of the source may wait
 * @param lagSeconds how long the first of those that wait has waited; 0 when none does
 * @param trouble what has to be looked at
 */
@Schema(name = "Replica")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ReplicaView(
        @Schema(required = true) String name,
        @Schema(required = true) String source,
        @Schema(required = true) long everySeconds,
        @Schema(required = true) long rpoSeconds,
        @Schema(required = true) String bandwidth,
        @Schema(required = true) boolean enabled,
        @Schema(required = true) LagState state,
        @Schema(required = true) long lagSeconds,
        @Schema(required = true) List<ContainerLag> containers,
        @Nullable Instant lastRunAt,
        @Nullable Instant lastSuccessAt,
        @Nullable String lastError,
        @Nullable String trouble,
        @Schema(required = true) Instant createdAt) {

    /** Whether it has every point of its source, or lacks some, or lacks one for too long. */
    @Schema(name = "ReplicaLagState")
    public enum LagState {
        IN_STEP,
        BEHIND,
        LATE
    }

    /**
     * One container of it.
     *
     * @param pointsWaiting newer points that the source has
     * @param pointsLeftOut older ones that could not be copied
     * @param lossSeconds what losing the source now would cost: the age of the newest point here
     */
    @Schema(name = "ReplicaContainer")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record ContainerLag(
            @Schema(required = true) String container,
            @Schema(required = true) LagState state,
            @Schema(required = true) int pointsWaiting,
            @Schema(required = true) int pointsLeftOut,
            @Schema(required = true) long lagSeconds,
            @Nullable Long lossSeconds,
            @Nullable Instant newestAtSource,
            @Nullable Instant newestAtReplica) {}

    static ReplicaView of(ReplicaStates.State state, Instant now) {
        ReplicaEntry entry = state.entry();
        List<ContainerLag> containers = new ArrayList<>();
        state.containers().forEach((name, lag) -> containers.add(of(name, lag, now)));
        return new ReplicaView(
                entry.target(),
                entry.source(),
                entry.everySeconds(),
                entry.goalSeconds(),
                entry.bandwidth(),
                entry.enabled(),
                word(state.worst()),
                state.lag().toSeconds(),
                containers,
                entry.lastRunAt(),
                entry.lastSuccessAt(),
                entry.lastError(),
                state.trouble().orElse(null),
                entry.createdAt());
    }

    private static ContainerLag of(String name, ReplicaLag lag, Instant now) {
        Instant newest = lag.newestAtReplica();
        return new ContainerLag(
                name,
                word(lag.state()),
                lag.waiting(),
                lag.leftOut(),
                lag.lag().toSeconds(),
                newest == null
                        ? null
                        : Math.max(0, Duration.between(newest, now).toSeconds()),
                lag.newestAtSource(),
                newest);
    }

    private static LagState word(ReplicaLag.State state) {
        return switch (state) {
            case IN_STEP -> LagState.IN_STEP;
            case BEHIND -> LagState.BEHIND;
            case LATE -> LagState.LATE;
        };
    }
}
