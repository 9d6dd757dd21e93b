package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.filesystem.ExternalCommand;

/** What this host should have: what is there, what is missing, and what to do about it. */
public final class HostNeeds {
    private HostNeeds() {}

    /** One thing a host needs. */
    public record Need(String what, boolean present, boolean essential, String remedy) {}

    /** Everything that attaching needs, and what some commands need. */
    public static List<Need> all() throws IOException {
        List<Need> needs = new ArrayList<>();
        needs.add(new Need("root", isRoot(), true, "run it as root: attaching and mounting need it"));
        needs.add(new Need(
                "FUSE",
                usable("/dev/fuse"),
                true,
                "load the kernel's fuse module (modprobe fuse) and make /dev/fuse accessible"));
        needs.add(new Need(
                "loop devices",
                usable("/dev/loop-control"),
                true,
                "load the kernel's loop module (modprobe loop) and make /dev/loop-control accessible"));
        needs.add(tool("mkfs.ext4", true, "e2fsprogs"));
        needs.add(tool("e2fsck", true, "e2fsprogs"));
        needs.add(tool("mkfs.xfs", false, "xfsprogs"));
        needs.add(tool("mkfs.btrfs", false, "btrfs-progs"));
        return needs;
    }

    private static Need tool(String program, boolean essential, String debianPackage) {
        return new Need(
                program, ExternalCommand.find(program).isPresent(), essential, "install the package " + debianPackage);
    }

    private static boolean usable(String device) {
        Path path = Path.of(device);
        return Files.isReadable(path) && Files.isWritable(path);
    }

    private static boolean isRoot() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("Uid:"))
                .anyMatch(line -> line.split("\\s+")[2].equals("0"));
    }
}
