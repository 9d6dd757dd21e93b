package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.os.LoopDevice;
import org.tidemark.ploop.os.MountEntry;
import org.tidemark.ploop.os.Mounts;

/**
 * Keeps the device server off its own devices: if its program, its log or an image lay on a device that it serves itself, a
 * request could wait for itself. Works by the mount table alone.
 */
final class OwnFiles {
    private OwnFiles() {}

    /** Refuses when {@code image}, if it is a file of this host, or anything this process needs, lies on one of {@code served} (block devices). */
    static void check(Optional<Path> image, RunFolder run, List<Path> served) throws IOException {
        List<String> numbers = new ArrayList<>();
        for (LoopDevice loop : LoopDevice.bound()) {
            if (served.contains(loop.path())) {
                numbers.add(loop.deviceNumber());
            }
        }
        List<Path> all = ownFiles(run);
        image.ifPresent(file -> all.add(0, file));
        List<MountEntry> table = Mounts.table();
        for (Path file : all) {
            if (served.contains(file) || file.startsWith(run.devices())) {
                throw refused(file);
            }
            Optional<MountEntry> mount = Mounts.containing(file, table);
            if (mount.isPresent() && liesOn(mount.get(), served, numbers)) {
                throw refused(file);
            }
        }
    }

    private static boolean liesOn(MountEntry mount, List<Path> served, List<String> numbers) {
        return numbers.contains(mount.device())
                || served.stream()
                        .anyMatch(device -> mount.source().startsWith(device + "p")
                                || mount.source().equals(device.toString()));
    }

    private static ControlException refused(Path file) {
        return new ControlException(
                ControlException.Kind.USAGE,
                file + ": lies on a device that this device server serves; put it on another disk");
    }

    private static List<Path> ownFiles(RunFolder run) throws IOException {
        List<Path> files = new ArrayList<>();
        files.add(run.path());
        String classPath = System.getProperty("java.class.path", "");
        for (String entry : classPath.split(java.io.File.pathSeparator, -1)) {
            addReal(files, entry);
        }
        addReal(files, System.getProperty("java.home", ""));
        addReal(files, System.getProperty("java.io.tmpdir", ""));
        return files;
    }

    private static void addReal(List<Path> files, String name) throws IOException {
        if (!name.isEmpty() && Files.exists(Path.of(name))) {
            files.add(Path.of(name).toRealPath());
        }
    }
}
