package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.service.job.JobProgress;
import org.tidemark.appliance.service.job.JobState;

/** A job as the API shows it. */
@Schema(name = "Job")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record JobView(
        @Schema(required = true) String id,
        @Schema(required = true) JobEntry.Kind kind,
        @Nullable String container,
        @Nullable String target,
        @Nullable String policy,
        @Schema(required = true) JobEntry.Cause cause,
        @Schema(required = true) JobEntry.State state,
        @Schema(required = true) int attempt,
        @Schema(required = true) Instant createdAt,
        @Nullable Instant startedAt,
        @Nullable Instant finishedAt,
        @Schema(required = true) String createdBy,
        @Schema(required = true) Map<String, Object> request,
        @Schema(required = true) JobProgress progress,
        @Nullable Map<String, Object> result,
        @Nullable Map<String, Object> error,
        @Schema(required = true) List<String> notices) {
    static JobView of(JobState state) {
        JobEntry entry = state.entry();
        return new JobView(
                String.valueOf(entry.id()),
                entry.kind(),
                entry.container(),
                entry.target(),
                entry.policy(),
                entry.attempt() > 1 ? JobEntry.Cause.RECOVERY : entry.cause(),
                entry.state(),
                entry.attempt(),
                entry.createdAt(),
                entry.startedAt(),
                entry.finishedAt(),
                entry.createdBy(),
                entry.request(),
                state.progress(),
                entry.result(),
                entry.error(),
                entry.notices());
    }
}
