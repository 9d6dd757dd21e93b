package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.tidemark.ploop.filesystem.FileSystemType;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;

/** Mounts the file system of a device that was just attached. */
public final class DeviceMount {
    private static final Duration UNDO_LIMIT = Duration.ofSeconds(30);

    private DeviceMount() {}

    /** Mounts it on an existing folder; when that fails the device is detached again. */
    public static void mount(DataPlane plane, AttachedDevice device, Path where, boolean readOnly) throws IOException {
        boolean done = false;
        try {
            Path block = Path.of(device.blockDevice());
            FileSystemType type = FileSystemType.detect(block)
                    .orElseThrow(() -> new IOException(
                            block + ": holds no ext4, xfs or btrfs; attach without --mount and look at it"));
            Mounts.mount(block.toString(), where.toRealPath(), type.mountName(), readOnly ? Mounts.READ_ONLY : 0, null);
            done = true;
        } finally {
            if (!done) {
                plane.detachUnmounted(device, UNDO_LIMIT);
            }
        }
    }
}
