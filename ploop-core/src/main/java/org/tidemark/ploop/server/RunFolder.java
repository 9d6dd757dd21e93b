package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.tidemark.ploop.chain.ImagePlace;
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

    /** Held while a device gets its name, by every device server of this host. */
    Path namesLock() {
        return path.resolve("names.lock");
    }

    /** The run folder of the host's device server: this one, or the one that it lies in. */
    RunFolder ofHost() throws IOException {
        return onlyImage().isPresent() ? new RunFolder(path.resolve("../..").normalize()) : this;
    }

    /** Below it are the run folders of the device servers that have one image each. */
    private Path ownServers() {
        return path.resolve("own");
    }

    private Path onlyImageFile() {
        return path.resolve("image");
    }

    /** The image of a device server that has only this one; empty for the one of all images of this host. */
    Optional<ImagePlace> onlyImage() throws IOException {
        return Files.exists(onlyImageFile())
                ? Optional.of(ImagePlace.of(Files.readString(onlyImageFile())))
                : Optional.empty();
    }

    /** The run folder of an image that has a device server of its own; made ready. The name is short: sockets lie in it. */
    RunFolder ownOf(ImagePlace image) throws IOException {
        String name = UUID.nameUUIDFromBytes(image.toString().getBytes(StandardCharsets.UTF_8))
                .toString()
                .substring(0, 13);
        RunFolder own = at(ownServers().resolve(name));
        replace(own.onlyImageFile(), image.toString());
        return own;
    }

    /** The run folders of device servers of their own that there are, or were. */
    public List<RunFolder> own() throws IOException {
        if (!Files.isDirectory(ownServers())) {
            return List.of();
        }
        try (Stream<Path> folders = Files.list(ownServers())) {
            return folders.sorted().map(RunFolder::new).toList();
        }
    }

    /** Those of {@link #own} in which devices are, or were left. */
    public List<RunFolder> ownWithDevices() throws IOException {
        List<RunFolder> found = new ArrayList<>();
        for (RunFolder one : own()) {
            if (one.hasDevices()) {
                found.add(one);
            }
        }
        return found;
    }

    /** Whether devices are, or were left, in it. */
    public boolean hasDevices() throws IOException {
        if (!Files.isDirectory(devices())) {
            return false;
        }
        try (Stream<Path> folders = Files.list(devices())) {
            return folders.findAny().isPresent();
        }
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
