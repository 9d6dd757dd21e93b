package org.tidemark.appliance.persistence;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A job to be queued; see {@link JobEntry}. */
public record NewJob(
        JobEntry.Kind kind,
        @Nullable String container,
        @Nullable String target,
        @Nullable String policy,
        JobEntry.Cause cause,
        String createdBy,
        Map<String, Object> request) {}
