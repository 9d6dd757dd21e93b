package org.tidemark.appliance.service.job;

import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;

/**
 * How far a job is.
 *
 * @param phase one word or two
 * @param totalBytes null when nobody knows
 * @param fraction 0 to 1; null when nobody knows
 * @param text the same for people
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record JobProgress(
        String phase,
        long doneBytes,
        @Nullable Long totalBytes,
        @Nullable Double fraction,
        String text) {
    public static final JobProgress NONE = new JobProgress("", 0, null, null, "");
}
