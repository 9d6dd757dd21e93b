package org.tidemark.appliance.persistence;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A container to protect.
 *
 * @param name unique on this appliance; also its name in repositories
 * @param images its images, each under an id that stays the same for ever
 */
public record ContainerEntry(String name, List<Image> images, Runtime runtime, Instant createdAt) {
    /** One image: a folder with a descriptor, or a file. */
    public record Image(String id, String path) {}

    /** How the container was found. */
    public enum RuntimeKind {
        IMAGE,
        MOUNT,
        RUNC
    }

    /**
     * What runs it.
     *
     * @param id the runtime's name for it, or the mount point; empty for an image
     * @param cgroup below /sys/fs/cgroup; empty when unknown
     * @param root the runtime's own state folder; empty for its usual one
     */
    public record Runtime(
            RuntimeKind kind,
            String id,
            String cgroup,
            @Nullable String root) {
        public static final Runtime NONE = new Runtime(RuntimeKind.IMAGE, "", "", "");

        public Runtime {
            // Those that were written down before there was one.
            root = root == null ? "" : root;
        }
    }

    public ContainerEntry {
        images = List.copyOf(images);
    }
}
