package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.os.OsException;

/**
 * Where a holder and its device server keep what must outlive them but not the machine. Always on tmpfs, owned by one user,
 * an absolute path without links.
 */
public record RunFolder(Path path) {
    /** Environment variable that names another folder. */
    public static final String VARIABLE = "TIDEMARK_RUN";

    private static final Path USUAL = Path.of("/run/tidemark");
    private static final Path FALLBACK = Path.of("/dev/shm/tidemark");

    /** The folder that {@link #VARIABLE} names, or the usual one; made ready. */
    public static RunFolder ofEnvironment(Map<String, String> environment) throws IOException {
        String named = environment.getOrDefault(VARIABLE, "");
        if (!named.isEmpty()) {
            return at(Path.of(named));
        }
        try {
            return at(USUAL);
        } catch (IOException e) {
            return at(FALLBACK);
        }
    }

    /** This very folder, made ready: created if need be, and put on tmpfs if it is not. */
    public static RunFolder at(Path path) throws IOException {
        Files.createDirectories(
                path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        Path real = path.toRealPath();
        if (!Mounts.isTmpfs(real)) {
            try {
                Mounts.mount("tidemark", real, "tmpfs", Mounts.NO_SUID | Mounts.NO_DEV, "mode=0700");
            } catch (OsException e) {
                if (e.errno() == Errno.EPERM) {
                    throw new IOException(real + ": must lie on tmpfs, and only root can mount one there", e);
                }
                throw e;
            }
        }
        RunFolder folder = new RunFolder(real);
        Files.createDirectories(folder.devices());
        Files.createDirectories(folder.logs());
        Files.createDirectories(folder.temporary());
        return folder;
    }

    Path controlSocket() {
        return path.resolve("control.sock");
    }

    Path holderSocket() {
        return path.resolve("holder.sock");
    }

    Path serverLock() {
        return path.resolve("server.lock");
    }

    Path holderLock() {
        return path.resolve("holder.lock");
    }

    Path serverRecord() {
        return path.resolve("server.json");
    }

    /** How the next device server is started, when that is not how the holder would. */
    Path serverCommand() {
        return path.resolve("server-command.json");
    }

    Path logs() {
        return path.resolve("log");
    }

    Path temporary() {
        return path.resolve("tmp");
    }

    /** One folder for each device lies here. */
    public Path devices() {
        return path.resolve("devices");
    }

    /** What {@link #replace} writes first, and may leave behind when it is killed. */
    static Path replacement(Path file) {
        return file.resolveSibling(file.getFileName() + ".new");
    }

    /** Replaces a file as a whole: a reader sees the old text or the new one. */
    static void replace(Path file, String text) throws IOException {
        Path fresh = replacement(file);
        Files.writeString(fresh, text);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
