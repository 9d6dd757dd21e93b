package org.tidemark.appliance.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.server.DeviceServerMain;
import org.tidemark.ploop.server.HolderMain;

/** The two processes that an image on NFS has for itself: its device server and that one's holder. */
public final class OwnServerProcesses {
    private final Path folder;

    private OwnServerProcesses(Path folder) {
        this.folder = folder;
    }

    /**
     * Of an image that is, or was, attached.
     *
     * @param run the run folder of the host
     */
    public static OwnServerProcesses of(Path run, String image) throws IOException {
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(run.resolve("own"))) {
            for (Path one : folders) {
                if (Files.exists(one.resolve("image"))
                        && Files.readString(one.resolve("image")).equals(image)) {
                    return new OwnServerProcesses(one);
                }
            }
        }
        throw new AssertionError(image + " has no device server of its own in " + run);
    }

    /** Its run folder. */
    public Path folder() {
        return folder;
    }

    /** 0 while there is none. */
    public long server() {
        return process(DeviceServerMain.class);
    }

    /** 0 while there is none. */
    public long holder() {
        return process(HolderMain.class);
    }

    private long process(Class<?> main) {
        // The holder has the name of the other class too, but not before its run folder.
        String words = main.getName() + "\0--run=" + folder + "\0";
        try (Stream<ProcessHandle> processes = ProcessHandle.allProcesses()) {
            return processes
                    .mapToLong(ProcessHandle::pid)
                    .filter(pid -> commandLine(pid).contains(words))
                    .filter(pid -> !commandLine(pid).contains("--probe"))
                    .findFirst()
                    .orElse(0);
        }
    }

    private static String commandLine(long pid) {
        try {
            return Files.readString(Path.of("/proc/" + pid + "/cmdline"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }

    /** Whether its holder is there and keeps the FUSE connections of so many devices. */
    public boolean holderKeeps(int devices) throws IOException {
        long pid = holder();
        if (pid == 0) {
            return false;
        }
        long found = 0;
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc/" + pid + "/fd"))) {
            for (Path one : all) {
                found += isFuse(one) ? 1 : 0;
            }
        } catch (IOException e) {
            return false;
        }
        return found >= devices;
    }

    private static boolean isFuse(Path link) {
        try {
            return Files.readSymbolicLink(link).toString().equals("/dev/fuse");
        } catch (IOException e) {
            return false;
        }
    }

    /** Sends the device server a signal and waits until another one is there, which may not serve yet. */
    public void endServer(int signal) throws IOException, InterruptedException {
        long victim = server();
        Processes.byPid(victim).signal(signal);
        Cli.await("a new device server of " + folder, () -> server() != victim && server() != 0);
    }
}
