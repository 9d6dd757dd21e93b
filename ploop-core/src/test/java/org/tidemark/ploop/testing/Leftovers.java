package org.tidemark.ploop.testing;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.tidemark.ploop.os.LoopDevice;
import org.tidemark.ploop.os.MountEntry;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.os.Processes;

/**
 * Removes what a test, or a crashed earlier run of it, left in the kernel: processes, mounts and loop devices whose path
 * begins with the test's own folder pattern. Never touches a path on a FUSE mount.
 */
public final class Leftovers {
    /** Test folders are called so; a word for the test and a number follow. */
    public static final String PREFIX = "/dev/shm/tidemark-test-";

    private Leftovers() {}

    /** Clears everything under {@link #PREFIX}{@code word}. */
    public static void clear(String word) throws IOException {
        String prefix = PREFIX + word;
        killProcesses("--run=" + prefix);
        List<LoopDevice> loops = LoopDevice.bound().stream()
                .filter(loop -> loop.backingFile().startsWith(prefix))
                .toList();
        List<MountEntry> mounts = Mounts.table().stream()
                .filter(entry -> entry.mountPoint().toString().startsWith(prefix)
                        || loops.stream().anyMatch(loop -> entry.source()
                                .equals(loop.path().toString())))
                .sorted(Comparator.comparingInt(MountEntry::mountId).reversed())
                .toList();
        // FUSE first: with its server dead it fails what waits, so that nothing below waits for ever.
        for (MountEntry mount : mounts) {
            if (mount.type().equals("fuse")) {
                // A server that waits for pages of its own device ends only when its requests do.
                Mounts.abort(mount.mountPoint());
            }
        }
        for (MountEntry mount : mounts) {
            if (!mount.type().equals("fuse")) {
                Mounts.unmountLazily(mount.mountPoint());
            }
        }
        for (LoopDevice loop : loops) {
            try {
                loop.detach(Duration.ofSeconds(5));
            } catch (IOException e) {
                System.out.println("left behind: " + loop + ": " + e);
            }
        }
        removeFolders(word);
    }

    private static void killProcesses(String argument) throws IOException {
        // The holder goes first, or it would start the server again.
        for (String role : List.of("Holder", "")) {
            try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
                for (Path process : processes) {
                    String line = commandLine(process);
                    if (line.contains(argument) && line.contains(role)) {
                        kill(Long.parseLong(process.getFileName().toString()));
                    }
                }
            }
        }
    }

    private static String commandLine(Path process) {
        try {
            return new String(
                    Files.readAllBytes(process.resolve("cmdline")), java.nio.charset.StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }

    private static void kill(long pid) {
        if (pid == ProcessHandle.current().pid()) {
            return;
        }
        try (Processes.Handle handle = Processes.byPid(pid).open()) {
            Processes.byPid(pid).signal(Processes.KILL);
            handle.awaitEnd(Duration.ofSeconds(5));
        } catch (IOException e) {
            // It has ended by itself.
        }
    }

    private static void removeFolders(String word) throws IOException {
        try (DirectoryStream<Path> folders =
                Files.newDirectoryStream(Path.of(PREFIX).getParent(), "tidemark-test-" + word + "*")) {
            for (Path folder : folders) {
                try (Stream<Path> tree = Files.walk(folder)) {
                    for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
                        Files.deleteIfExists(path);
                    }
                }
            }
        }
    }

    /** A new folder for a test, after what an earlier run left is gone. */
    public static Path freshFolder(String word) throws IOException {
        clear(word);
        return Files.createDirectory(
                Path.of(PREFIX + word + ProcessHandle.current().pid()));
    }
}
