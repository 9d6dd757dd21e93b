package org.tidemark.appliance.persistence;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * One run of something long.
 *
 * @param attempt 1, and more after the appliance died during the one before
 * @param createdBy who asked: a user, a token, or the schedule
 * @param request what was asked, as it was posted
 * @param result what came of it; null until it succeeded (or damage was found)
 * @param error why it failed: code, title, detail; null unless it did
 */
public record JobEntry(
        long id,
        Kind kind,
        @Nullable String container,
        @Nullable String target,
        @Nullable String policy,
        Cause cause,
        State state,
        int attempt,
        Instant createdAt,
        @Nullable Instant startedAt,
        @Nullable Instant finishedAt,
        String createdBy,
        Map<String, Object> request,
        @Nullable Map<String, Object> result,
        @Nullable Map<String, Object> error,
        List<String> notices) {
    /** What is done. */
    @Schema(name = "JobKind")
    public enum Kind {
        BACKUP,
        RESTORE,
        VERIFY,
        /** A snapshot that an image keeps in itself goes. */
        SNAPSHOT_DELETE,
        /** One goes down into its parent. */
        SNAPSHOT_MERGE,
        /** A container goes to another appliance. */
        MIGRATE,
        /** A container that has come from another appliance is started. */
        ARRIVE,
        /** A target is brought up to the one whose replica it is. */
        REPLICATE
    }

    /** Why it is done. */
    @Schema(name = "JobCause")
    public enum Cause {
        MANUAL,
        SCHEDULE,
        /** The appliance died while it ran; it runs again. */
        RECOVERY
    }

    /** Where it is. */
    @Schema(name = "JobStateName")
    public enum State {
        QUEUED,
        RUNNING,
        SUCCEEDED,
        FAILED,
        CANCELLED;

        /** Whether nothing changes any more. */
        public boolean isFinal() {
            return this == SUCCEEDED || this == FAILED || this == CANCELLED;
        }
    }
}
