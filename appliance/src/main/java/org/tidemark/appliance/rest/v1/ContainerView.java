package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.appliance.service.Protection;

/** A container as the API shows it. */
@Schema(name = "Container")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ContainerView(
        @Schema(required = true) String name,
        @Schema(required = true) List<ImageView> images,
        @Schema(required = true) RuntimeView runtime,
        @Schema(required = true) List<String> policies,
        @Schema(required = true) ProtectionView protection,
        @Schema(required = true) Instant createdAt) {

    /**
     * One of its images, and what is known of it now.
     *
     * @param problem why nothing more is known of it
     */
    @Schema(name = "ContainerImage")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record ImageView(
            @Schema(required = true) String id,
            @Schema(required = true) String path,
            @Nullable String format,
            @Nullable Long sizeBytes,
            @Schema(required = true) boolean attached,
            @Nullable String deviceId,
            @Nullable String blockDevice,
            @Nullable String mountPoint,
            @Nullable String fileSystem,
            @Nullable String problem) {}

    /** What runs it. */
    @Schema(name = "ContainerRuntime")
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record RuntimeView(
            @Schema(required = true) ContainerEntry.RuntimeKind kind,
            @Nullable String id,
            @Nullable String cgroup) {
        static RuntimeView of(ContainerEntry.Runtime runtime) {
            return new RuntimeView(runtime.kind(), runtime.id(), runtime.cgroup());
        }
    }

    /** How well it is protected. */
    @Schema(name = "Protection")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record ProtectionView(
            @Schema(required = true) Protection.State state,
            @Schema(required = true) String sentence,
            @Nullable String newestPointId,
            @Nullable Instant newestPointAt,
            @Nullable String newestTarget,
            @Nullable Long rpoSeconds,
            @Nullable Long ageSeconds,
            @Nullable Instant nextRunAt) {
        static ProtectionView of(Protection protection) {
            return new ProtectionView(
                    protection.state(),
                    protection.sentence(),
                    protection.newestPointId(),
                    protection.newestPointAt(),
                    protection.newestTarget(),
                    protection.rpoSeconds(),
                    protection.ageSeconds(),
                    protection.nextRunAt());
        }
    }
}
