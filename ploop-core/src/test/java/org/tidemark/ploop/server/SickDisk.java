package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.tidemark.ploop.os.LoopDevice;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.testing.Commands;

/** A disk with an ext4 that can be told to fail writes, or to hang: nbdkit, through nbdfuse, under a loop device. */
public final class SickDisk implements AutoCloseable {
    private static final long SIZE = 256L << 20;
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private final Path folder;
    private final Path mount;
    private final Process nbdfuse;
    private LoopDevice loop;

    private SickDisk(Path folder) throws IOException {
        this.folder = folder;
        this.mount = Files.createDirectory(folder.resolve("mnt"));
        Path disk = folder.resolve("disk.raw");
        try (NativeFile fresh = NativeFile.open(disk, NativeFile.READ_WRITE | NativeFile.CREATE, 0600)) {
            fresh.truncate(SIZE);
        }
        Path file = Files.createFile(folder.resolve("file"));
        nbdfuse = Commands.start(
                folder.resolve("nbdfuse.out"),
                "nbdfuse",
                file.toString(),
                "[",
                "nbdkit",
                "--exit-with-parent",
                "--filter=error",
                "file",
                disk.toString(),
                "error=EIO",
                "error-pwrite-rate=100%",
                "error-file=" + folder.resolve("FAIL"),
                "]");
        ServerHost.await("nbdfuse", () -> Mounts.at(file).isPresent() && Files.size(file) == SIZE);
        try (NativeFile open = NativeFile.open(file, NativeFile.READ_WRITE, 0)) {
            loop = LoopDevice.attach(open, new LoopDevice.Shape(0, 0, 512, false));
        }
    }

    /** In a folder of its own below {@code parent}, which is the test's. */
    public static SickDisk start(Path parent) throws Exception {
        SickDisk disk = new SickDisk(Files.createDirectory(parent.resolve("sick")));
        Commands.run(LIMIT, "mkfs.ext4", "-q", disk.loop.path().toString());
        Commands.run(LIMIT, "mount", disk.loop.path().toString(), disk.mount.toString());
        return disk;
    }

    /** Where its file system is mounted. */
    public Path mount() {
        return mount;
    }

    /** Every write fails from now on; reads do not. */
    public void failWrites() throws IOException {
        Files.createFile(folder.resolve("FAIL"));
    }

    /** Nothing is answered any more, until {@link #goOn}. */
    public void hang() throws IOException {
        signal(Processes.STOP);
    }

    public void goOn() throws IOException {
        signal(Processes.CONTINUE);
    }

    private void signal(int number) throws IOException {
        List<ProcessHandle> kits = nbdfuse.descendants().toList();
        if (kits.isEmpty()) {
            throw new AssertionError("nbdkit has gone: " + Files.readString(folder.resolve("nbdfuse.out")));
        }
        for (ProcessHandle kit : kits) {
            Processes.byPid(kit.pid()).signal(number);
        }
    }

    @Override
    public void close() throws IOException {
        try {
            goOn();
        } catch (AssertionError e) {
            System.out.println(e.getMessage());
        }
        try {
            Mounts.unmount(mount);
        } catch (OsException e) {
            Mounts.unmountLazily(mount);
        }
        loop.letGo();
        Mounts.abort(folder.resolve("file"));
    }
}
