package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.os.LoopDevice;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** The disk below an image is full, fails or hangs: the device says so, and nobody else notices. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "nbdkit", "nbdfuse"})
@Timeout(120)
class SickDiskIT {
    private static final long SIZE = 64L << 20;
    private static final Duration SOON = Duration.ofSeconds(10);

    private ServerHost host;
    private String healthy;

    @BeforeEach
    void start() throws IOException {
        host = ServerHost.start("sick-disk-");
        healthy = host.attach("healthy", host.newImage("healthy", SIZE));
    }

    @AfterEach
    void stop() throws IOException {
        System.out.println(host.log());
        host.close();
    }

    private static Path newImage(Path folder) throws IOException {
        Path image = Files.createDirectory(folder.resolve("image"));
        ChainFiles.create(new VfsImageDirectory(image), "root.hds", SIZE, 1 << 20);
        return image;
    }

    private AttachedDevice device(String id) throws IOException {
        return host.client().devices().stream()
                .filter(one -> one.deviceId().equals(id))
                .findFirst()
                .orElseThrow();
    }

    private Process beginWrite(String block, int mebibytes, String source) throws IOException {
        return Commands.start(
                host.folder().resolve("dd.out"),
                "dd",
                "if=" + source,
                "of=" + block,
                "bs=1M",
                "count=" + mebibytes,
                "oflag=direct",
                "conv=notrunc,fsync");
    }

    private String output(Process ended) throws Exception {
        assertThat(ended.waitFor(SOON.toMillis(), TimeUnit.MILLISECONDS))
                .as("dd ends")
                .isTrue();
        return Files.readString(host.folder().resolve("dd.out"));
    }

    /** The other device is written and synced, and management answers. */
    private void othersGoOn() throws Exception {
        Commands.run(
                SOON,
                "dd",
                "if=/dev/urandom",
                "of=" + healthy,
                "bs=64k",
                "count=64",
                "oflag=direct",
                "conv=notrunc,fsync");
        assertThat(device("healthy").state()).isEqualTo("SERVING");
        assertThat(host.client().status().number("devices")).isEqualTo(2);
    }

    @Test
    void aFullDiskMakesWritersWaitOrFailAsTheyAreToldTo() throws Exception {
        Path small = Files.createDirectory(host.folder().resolve("small"));
        Mounts.mount("small", small, "tmpfs", 0, "size=24m");
        Path image = newImage(small);
        String block = host.attach("full", image);
        Path source = host.folder().resolve("source");
        Commands.run(SOON, "dd", "if=/dev/urandom", "of=" + source, "bs=1M", "count=60");

        Process writer = beginWrite(block, 60, source.toString());
        ServerHost.await("a writer that waits", () -> device("full").state().equals("FULL"));
        assertThat(device("full").trouble()).contains("disk is full");
        othersGoOn();
        assertThat(writer.isAlive()).isTrue();
        host.client().set("full", Fields.of("onFull", "error"));
        assertThat(output(writer)).contains("No space left");
        assertThat(device("full").state()).isEqualTo("SERVING");

        host.client().set("full", Fields.of("onFull", "wait", "iops", 100_000));
        Process second = beginWrite(block, 60, source.toString());
        ServerHost.await("a writer that waits", () -> device("full").state().equals("FULL"));
        host.killServer();
        host.connectWhenReady();
        ServerHost.await(
                "the successor's writer that waits",
                () -> device("full").state().equals("FULL"));
        assertThat(device("full").settings().iops()).isEqualTo(100_000);
        othersGoOn();
        Commands.run(SOON, "mount", "-o", "remount,size=200m", small.toString());
        assertThat(output(second)).as("goes on by itself").contains("60+0 records out");
        assertThat(device("full").state()).isEqualTo("SERVING");
        Commands.run(SOON, "cmp", "-n", String.valueOf(60 << 20), source.toString(), block);
        host.client().detach("full", SOON);
        assertThat(ServerHost.check(image).findings()).isEmpty();
    }

    @Test
    void aDiskThatFailsWritesMakesTheDeviceReadOnly() throws Exception {
        try (SickDisk sick = SickDisk.start(host.folder())) {
            Path image = newImage(sick.mount());
            String block = host.attach("sick", image);
            Path source = host.folder().resolve("source");
            Commands.run(SOON, "dd", "if=/dev/urandom", "of=" + source, "bs=1M", "count=8");
            assertThat(output(beginWrite(block, 8, source.toString()))).contains("8+0 records out");
            sick.failWrites();
            assertThat(output(beginWrite(block, 8, "/dev/zero"))).contains("Input/output error");
            AttachedDevice broken = device("sick");
            assertThat(broken.state()).isEqualTo("BROKEN");
            assertThat(broken.trouble()).contains("read-only").containsAnyOf("EIO", "EROFS");
            assertThat(host.log()).contains("its disk failed, the device is read-only");
            // The first mebibyte may have been overwritten by what failed; everything behind it was only read since.
            Commands.run(
                    SOON,
                    "cmp",
                    "-i",
                    String.valueOf(1 << 20),
                    "-n",
                    String.valueOf(7 << 20),
                    source.toString(),
                    block);
            othersGoOn();
            host.client().detach("sick", SOON);
            assertThat(host.client().devices()).hasSize(1);
        }
    }

    @Test
    void aDeviceWhoseDiskHangsCanBeAborted() throws Exception {
        try (SickDisk sick = SickDisk.start(host.folder())) {
            Path image = newImage(sick.mount());
            String block = host.attach("stuck", image);
            assertThat(output(beginWrite(block, 8, "/dev/urandom"))).contains("8+0 records out");
            sick.hang();
            Process writer = beginWrite(block, 8, "/dev/zero");
            // Its request is on its way down, and does not come back.
            TimeUnit.MILLISECONDS.sleep(300);
            assertThat(writer.isAlive()).isTrue();
            othersGoOn();
            assertThatThrownBy(() -> host.client().detach("stuck", Duration.ofMillis(300)))
                    .isInstanceOf(ControlException.class);

            assertThat(host.client().abort("stuck", Duration.ofMillis(300)))
                    .as("image closed")
                    .isFalse();
            assertThat(output(writer)).contains("Input/output error");
            AttachedDevice aborted = device("stuck");
            assertThat(aborted.state()).isEqualTo("ABORTED");
            assertThat(aborted.trouble()).contains("as soon as its disk answers");
            Path served = host.run().devices().resolve("stuck/image");
            // By its file: its number may be somebody else's by now.
            assertThat(LoopDevice.over(served)).isEmpty();
            assertThat(Mounts.at(served)).isEmpty();
            othersGoOn();

            sick.goOn();
            ServerHost.await(
                    "the image is closed", () -> host.client().devices().size() == 1);
            assertThat(host.run().devices().resolve("stuck")).doesNotExist();
            assertThat(ServerHost.check(image).findings())
                    .allMatch(finding -> finding instanceof Finding.LeakedClusters);
            String again = host.attach("stuck", image);
            assertThat(output(beginWrite(again, 8, "/dev/urandom"))).contains("8+0 records out");
            assertThat(host.client().abort("stuck", SOON)).as("image closed").isTrue();
        }
    }

    /** Its disk hangs before it is attached, or while its server is killed: abort waits for neither. */
    @Test
    void aDeviceCanBeAbortedWhileItIsAttachedAndWhileItIsTakenOver() throws Exception {
        try (SickDisk sick = SickDisk.start(host.folder())) {
            Path image = newImage(sick.mount());
            Commands.run(SOON, "sync", "-f", image.toString());
            sick.hang();
            AtomicReference<String> attachSaid = new AtomicReference<>("");
            Thread attach = new Thread(() -> {
                try (ControlClient own = ControlClient.connect(host.run(), SOON)) {
                    own.attach(new AttachRequest("late", image, false, Fields.NONE), Duration.ofSeconds(60));
                    attachSaid.set("attached");
                } catch (IOException e) {
                    attachSaid.set(String.valueOf(e.getMessage()));
                }
            });
            attach.start();
            ServerHost.await("an attach that waits for the disk", () -> host.client().devices().stream()
                    .anyMatch(one -> one.deviceId().equals("late")));
            assertThat(host.client().abort("late", Duration.ofMillis(300)))
                    .as("image closed")
                    .isFalse();
            assertThat(device("late").state()).isEqualTo("ABORTED");
            othersGoOn();
            sick.goOn();
            attach.join(SOON.toMillis());
            assertThat(attachSaid.get()).contains("was aborted");
            ServerHost.await(
                    "nothing is left of it", () -> host.client().devices().size() == 1);
            assertThat(host.run().devices().resolve("late")).doesNotExist();

            String block = host.attach("moved", image);
            assertThat(output(beginWrite(block, 8, "/dev/urandom"))).contains("8+0 records out");
            Commands.run(SOON, "sync", "-f", image.toString());
            // No request is on its way: a server with one could not be killed before its disk answers.
            sick.hang();
            host.killServer();
            host.connectWhenReady();
            Process reader = Commands.start(
                    host.folder().resolve("dd.out"),
                    "dd",
                    "if=" + block,
                    "of=/dev/null",
                    "bs=1M",
                    "count=8",
                    "iflag=direct");
            TimeUnit.MILLISECONDS.sleep(300);
            assertThat(reader.isAlive()).isTrue();
            assertThat(device("moved").state()).isEqualTo("STARTING");
            // Else a backup at this moment would find nothing mounted, and freeze nothing.
            assertThat(device("moved").blockDevice()).isEqualTo(block);
            assertThat(host.client().abort("moved", Duration.ofMillis(300)))
                    .as("image closed")
                    .isFalse();
            assertThat(output(reader)).contains("Input/output error");
            othersGoOn();
            sick.goOn();
            ServerHost.await(
                    "the image is closed", () -> host.client().devices().size() == 1);
            assertThat(host.run().devices().resolve("moved")).doesNotExist();
            assertThat(ServerHost.check(image).findings()).isEmpty();
        }
    }
}
