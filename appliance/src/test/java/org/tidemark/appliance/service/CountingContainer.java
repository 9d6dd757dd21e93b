package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.ploop.testing.Commands;

/** A runc container on an ext4 in an image, which counts: each number is durable before the next. It writes 40 MiB beside that. */
final class CountingContainer implements AutoCloseable {
    private static final String ID = "tidemark-moves";

    private final Path image;
    private final Path mount;
    private final RuncContainer runc;

    private CountingContainer(Path image, Path mount, RuncContainer runc) {
        this.image = image;
        this.mount = mount;
        this.runc = runc;
    }

    /** Starts it, and lets the appliance know it as {@code c}. */
    static CountingContainer start(Cli on) throws Exception {
        Path image = on.path("ct-" + System.nanoTime());
        Path mount = Files.createDirectory(on.path("mnt-" + System.nanoTime()));
        on.ok("image", "create", image.toString(), "--size", "512M", "--fs", "ext4");
        on.attach(image, "--name", "d", "--mount", mount.toString());
        Commands.run(Cli.LIMIT, "dd", "if=/dev/urandom", "of=" + mount + "/first", "bs=1M", "count=40", "conv=fsync");
        RuncContainer runc = RuncContainer.start(
                Files.createDirectory(on.path("run-" + System.nanoTime())),
                ID,
                mount,
                "trap 'exit 0' TERM; b=/bin/busybox; i=$($b cat /data/count 2>/dev/null || echo 0); while true; do i=$((i+1));"
                        + " echo $i > /data/new; $b sync; $b mv /data/new /data/count; $b usleep 20000; done");
        CountingContainer container = new CountingContainer(image, mount, runc);
        on.ok("container", "add", "c", "--runc", ID, "--runc-root", runc.root().toString());
        return container;
    }

    /** Where it was made. */
    Path image() {
        return image;
    }

    Path mount() {
        return mount;
    }

    String status() throws IOException, InterruptedException {
        return runc.status();
    }

    /** The last number; 0 while it is not mounted. */
    long count() throws IOException {
        Path file = mount.resolve("data/count");
        return Files.exists(file) ? Long.parseLong(Files.readString(file).strip()) : 0;
    }

    /** Waits until it has passed this number. */
    void counts(long beyond) throws Exception {
        Cli.await("the container counts beyond " + beyond, () -> count() > beyond);
    }

    /** Waits until it is mounted and counts on, beyond this number. */
    void runsAndCountsBeyond(long number) throws Exception {
        Cli.await("its file system is mounted", this::isMounted);
        counts(Math.max(number, count()) + 2);
    }

    boolean isMounted() throws IOException, InterruptedException {
        return Commands.tryRun(Cli.LIMIT, "mountpoint", "-q", mount.toString()).exitCode() == 0;
    }

    /** What a file system keeps when it moves. */
    String inode(String file) throws Exception {
        return Commands.run(
                Cli.LIMIT, "stat", "-c", "%i %s %Y", mount.resolve(file).toString());
    }

    @Override
    public void close() throws IOException {
        runc.close();
    }
}
