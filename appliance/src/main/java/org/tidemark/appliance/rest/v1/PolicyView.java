package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.PolicyEntry;

/** A policy as the API shows it. */
@Schema(name = "Policy")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record PolicyView(
        @Schema(required = true) String name,
        @Schema(required = true) List<String> containers,
        @Schema(required = true) String target,
        @Schema(required = true) PolicyEntry.Schedule schedule,
        @Schema(required = true) PolicyEntry.Retention retention,
        @Schema(required = true) boolean enabled,
        @Schema(required = true) String sentence,
        @Nullable Instant nextRunAt,
        @Nullable Instant lastRunAt,
        @Schema(required = true) Instant createdAt) {}
