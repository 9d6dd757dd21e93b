package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.PointCache;
import org.tidemark.backup.repository.log.Grade;
import org.tidemark.backup.repository.log.RecoveryPoint;

/** A recovery point as the API shows it. */
@Schema(name = "Point")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record PointView(
        @Schema(required = true) String container,
        @Schema(required = true) String target,
        @Schema(required = true) String pointId,
        @Schema(required = true) long sequence,
        @Schema(required = true) Instant instant,
        @Schema(required = true) Instant committedAt,
        @Schema(required = true) Grade grade,
        @Schema(required = true) Mode mode,
        @Nullable String fullReason,
        @Schema(required = true) long freezeMillis,
        @Nullable String parent,
        @Schema(required = true) List<ImageView> images,
        @Schema(required = true) long bytesRead,
        @Schema(required = true) long bytesShipped,
        @Schema(required = true) long bytesStored,
        @Schema(required = true) long objects,

        @JsonInclude
        @Schema(required = true, name = "protected")
        @com.fasterxml.jackson.annotation.JsonProperty("protected")
        boolean isProtected,

        @Schema(required = true) List<String> keptBy,
        @Schema(required = true) boolean expired,
        @Nullable Instant verifiedAt) {
    /** How it was taken; every point is complete by itself. */
    @Schema(name = "PointMode")
    public enum Mode {
        FULL,
        INCREMENTAL
    }

    /** One of its images. */
    @Schema(name = "PointImage")
    public record ImageView(String imageId, long sizeBytes, Mode mode) {}

    static PointView of(String target, RecoveryPoint point, PointCache.Mark mark) {
        boolean incremental = point.images().stream().allMatch(image -> image.incremental());
        return new PointView(
                point.containerId(),
                target,
                point.pointId(),
                point.sequence(),
                point.instant(),
                point.committedAt(),
                point.grade(),
                incremental ? Mode.INCREMENTAL : Mode.FULL,
                point.images().stream()
                        .flatMap(image -> image.fullReason().stream())
                        .findFirst()
                        .orElse(null),
                point.freezeMillis(),
                point.parentPointId().orElse(null),
                point.images().stream()
                        .map(image -> new ImageView(
                                image.imageId(), image.sizeBytes(), image.incremental() ? Mode.INCREMENTAL : Mode.FULL))
                        .toList(),
                point.counters().bytesRead(),
                point.counters().bytesShipped(),
                point.counters().bytesStored(),
                point.counters().packs() + 1,
                mark.isProtected(),
                mark.keptBy().isEmpty()
                        ? List.of()
                        : Arrays.asList(mark.keptBy().split("; ", -1)),
                mark.expiredAt() != null,
                mark.verifiedAt());
    }
}
