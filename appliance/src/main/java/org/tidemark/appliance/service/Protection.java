package org.tidemark.appliance.service;

import java.time.Instant;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * How well a container is protected.
 *
 * @param sentence the same for people
 * @param rpoSeconds how old its newest point may be; null when no policy says so
 * @param ageSeconds how old it is, counted from its instant
 */
public record Protection(
        State state,
        String sentence,
        @Nullable String newestPointId,
        @Nullable Instant newestPointAt,
        @Nullable String newestTarget,
        @Nullable Long rpoSeconds,
        @Nullable Long ageSeconds,
        @Nullable Instant nextRunAt) {
    /** In order of how much attention it needs. */
    @Schema(name = "ProtectionState")
    public enum State {
        /** Points are as young as policies ask. */
        SAFE,
        /** The first backup runs, or one after a failure. */
        RUNNING,
        /** There is no point yet, and the first is not overdue. */
        AWAITED,
        /** The newest point is older than policies ask. */
        LATE,
        /** The last backup failed. */
        FAILING,
        /** No policy looks after it. */
        UNPROTECTED
    }
}
