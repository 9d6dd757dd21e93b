package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.filesystem.ExternalCommand;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code tidemark doctor}. */
@Command(
        name = "doctor",
        description = "Tell what this host can do, what is missing and what to do about it.",
        mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    /** One thing a host needs. */
    record Need(String what, boolean present, boolean essential, String remedy) {}

    @Override
    public Integer call() throws IOException {
        List<Map<String, @Nullable Object>> rows = new ArrayList<>();
        boolean fit = true;
        for (Need need : needs()) {
            fit &= need.present() || !need.essential();
            rows.add(fields(
                    "what", need.what(),
                    "state", need.present() ? "ok" : need.essential() ? "MISSING" : "not there",
                    "do", need.present() ? "" : need.remedy()));
        }
        output.rows(rows, "");
        return fit ? ExitCodes.DONE : ExitCodes.FAILED;
    }

    /** Everything that attaching needs, and what some commands need. */
    static List<Need> needs() throws IOException {
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
