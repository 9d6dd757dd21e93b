package org.tidemark.ploop.os;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Which machine this is, and which of its boots. {@code hostId} stays the same over reboots; {@code bootId} is new with
 * each, so state that says another boot lost everything that was not on a disk.
 */
public record HostIdentity(String hostId, String bootId) {
    private static final Path MACHINE_ID = Path.of("/etc/machine-id");
    private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");
    private static final Path HOST_NAME = Path.of("/proc/sys/kernel/hostname");

    /** Reads it; a machine without a machine id is known by its name. */
    public static HostIdentity read() throws IOException {
        String machine =
                Files.isReadable(MACHINE_ID) ? Files.readString(MACHINE_ID).trim() : "";
        String host = machine.isEmpty() ? "name:" + Files.readString(HOST_NAME).trim() : machine;
        return new HostIdentity(host, Files.readString(BOOT_ID).trim());
    }
}
