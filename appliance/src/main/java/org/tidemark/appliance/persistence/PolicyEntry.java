package org.tidemark.appliance.persistence;

import com.fasterxml.jackson.annotation.JsonInclude;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What to back up, when, where to, and how long to keep it.
 *
 * @param effectiveAt when it was made, its schedule was changed, or it was switched on
 */
public record PolicyEntry(
        String name,
        String target,
        List<String> containers,
        Schedule schedule,
        Retention retention,
        boolean enabled,
        Instant createdAt,
        Instant effectiveAt) {
    public PolicyEntry {
        containers = List.copyOf(containers);
    }

    /** The same with another target. */
    public PolicyEntry withTarget(String other) {
        return new PolicyEntry(name, other, containers, schedule, retention, enabled, createdAt, effectiveAt);
    }

    /** How times are given. */
    public enum ScheduleKind {
        EVERY,
        CRON
    }

    /** What happens to runs that nobody was there for. */
    public enum Missed {
        RUN_ONCE,
        SKIP
    }

    /**
     * When.
     *
     * @param everySeconds for EVERY
     * @param cron five fields, for CRON
     * @param zone of the cron times; null for the host's
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @org.eclipse.microprofile.openapi.annotations.media.Schema(name = "PolicySchedule")
    public record Schedule(
            @NotNull ScheduleKind kind,
            @Nullable @Min(10) @Max(31_536_000) Long everySeconds,
            @Nullable String cron,
            @Nullable String zone,
            @Nullable @Min(0) @Max(86_400) Integer jitterSeconds,
            @Nullable Missed missed) {}

    /** How long; nothing set keeps everything. */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @org.eclipse.microprofile.openapi.annotations.media.Schema(name = "PolicyRetention")
    public record Retention(
            @Nullable @Min(0) @Max(1_000_000) Integer last,
            @Nullable @Min(0) @Max(1_000_000) Integer hourly,
            @Nullable @Min(0) @Max(1_000_000) Integer daily,
            @Nullable @Min(0) @Max(1_000_000) Integer weekly,
            @Nullable @Min(0) @Max(1_000_000) Integer monthly,
            @Nullable @Min(0) @Max(1_000_000) Integer yearly,
            @Nullable @Min(0) Long withinSeconds) {
        public static final Retention ALL = new Retention(null, null, null, null, null, null, null);
    }
}
