package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.service.Repositories;

/** A target as the API shows it; never with secrets. */
@Schema(name = "Target")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record TargetView(
        @Schema(required = true) String name,
        @Schema(required = true) TargetEntry.Kind kind,
        @Schema(required = true) String address,
        @Nullable LocalSettings local,
        @Nullable NfsSettings nfs,
        @Nullable S3Settings s3,
        @Schema(required = true) int maxJobs,
        @Schema(required = true) String repositoryId,
        @Nullable StatusView status,
        @Schema(required = true) boolean singleWriter,
        @Nullable String notice,
        @Nullable String replicaOf,
        @Schema(required = true) Instant createdAt) {

    /** Whether it answered last time. */
    @Schema(name = "TargetStatus")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record StatusView(
            @Schema(required = true) boolean reachable,
            @Schema(required = true) Instant checkedAt,
            @Nullable String error) {}

    static TargetView of(TargetEntry entry, Repositories.@Nullable Status status) {
        return new TargetView(
                entry.name(),
                entry.kind(),
                address(entry),
                entry.kind() == TargetEntry.Kind.LOCAL ? new LocalSettings(entry.setting("path")) : null,
                entry.kind() == TargetEntry.Kind.NFS ? new NfsSettings(entry.setting("address")) : null,
                entry.kind() == TargetEntry.Kind.S3 ? S3Settings.shown(entry) : null,
                entry.maxJobs(),
                entry.repositoryId(),
                status == null ? null : new StatusView(status.reachable(), status.checkedAt(), status.error()),
                entry.singleWriter(),
                entry.notice(),
                entry.replicaOf(),
                entry.createdAt());
    }

    private static String address(TargetEntry entry) {
        if (entry.kind() == TargetEntry.Kind.LOCAL) {
            return entry.setting("path");
        }
        if (entry.kind() == TargetEntry.Kind.NFS) {
            return entry.setting("address");
        }
        String prefix = entry.setting("prefix");
        return "s3://" + entry.setting("bucket") + (prefix.isEmpty() ? "" : "/" + prefix)
                + (entry.setting("endpoint").isEmpty() ? "" : " at " + entry.setting("endpoint"));
    }
}
