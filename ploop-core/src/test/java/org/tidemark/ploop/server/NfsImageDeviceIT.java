package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.chain.NfsImage;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.NfsServerProcess;
import org.tidemark.ploop.testing.Requires;

/** Devices of images that live on a real NFS server: served by processes of their own, which end when nobody needs them. */
@Requires({"root", "fuse", "loop", "fio", "mkfs.ext4", "ganesha.nfsd", "rpcbind", "ip"})
@Timeout(180)
class NfsImageDeviceIT {
    private static final String WORD = "nfs-device-";
    private static final int CLUSTER_BYTES = 1 << 20;
    private static final int ROUNDS = 3;
    private static final Fields SETTLED_SOON = Fields.of("nfsSettleMillis", 1000);

    private static ServerHost host;
    private static NfsServerProcess nfs;

    @BeforeAll
    static void start() throws Exception {
        nfs = NfsServerProcess.start();
        host = ServerHost.start(WORD);
    }

    @AfterAll
    static void stop() throws Exception {
        host.close();
        nfs.close();
    }

    private static ImagePlace place(String name) {
        return ImagePlace.of("nfs://" + nfs.address() + nfs.export() + "/" + name);
    }

    private static ImagePlace newImage(String name) throws IOException {
        ImagePlace place = place(name);
        try (NfsImage image = NfsImage.forCommand(place.nfs().orElseThrow())) {
            ChainFiles.create(image.parent().createFolder(image.name()), "root.hds", 64 << 20, CLUSTER_BYTES);
        }
        return place;
    }

    private static ControlClient.AttachedDevice attach(String id, ImagePlace place) throws IOException {
        RunFolder own = host.client().ensureOwnServer(place);
        try (ControlClient client = ControlClient.connect(own, ServerHost.LIMIT)) {
            return client.attach(new AttachRequest(id, place, false, SETTLED_SOON), ServerHost.LIMIT);
        }
    }

    private static void detach(ControlClient.AttachedDevice device) throws IOException {
        try (ControlClient client = ControlClient.connect(device.server(), ServerHost.LIMIT)) {
            client.detach(device.deviceId(), Duration.ofSeconds(20));
        }
    }

    private static Processes.Id server(RunFolder own) throws IOException {
        return ServerRecord.read(own).orElseThrow().process();
    }

    private static void killServer(RunFolder own) throws IOException {
        Processes.Id victim = server(own);
        victim.signal(Processes.KILL);
        ServerHost.await("a new device server", () -> {
            Processes.Id now = server(own);
            return !now.equals(victim) && now.alive();
        });
    }

    @Test
    void neitherTheDeathOfTheNfsServerNorThatOfTheDeviceServerIsMoreThanAPause() throws Exception {
        ImagePlace place = newImage("image");
        ControlClient.AttachedDevice device = attach("disk", place);
        ControlClient.AttachedDevice other = attach("other", newImage("other"));
        assertThat(host.client().devices()).as("the host's own server").isEmpty();
        assertThat(host.run().own()).contains(device.server(), other.server()).doesNotHaveDuplicates();
        assertThatThrownBy(
                        () -> host.client().attach(new AttachRequest("x", place, false, Fields.NONE), ServerHost.LIMIT))
                .hasMessageContaining("has a device server of its own");
        assertThatThrownBy(() -> attach("again", place)).hasMessageContaining("attached already");
        Processes.Id untouched = server(other.server());
        Path mount = Files.createDirectory(host.folder().resolve("mount"));
        Commands.run(ServerHost.LIMIT, "mkfs.ext4", "-q", "-E", "nodiscard", device.blockDevice());
        Commands.run(ServerHost.LIMIT, "mount", device.blockDevice(), mount.toString());
        int rounds;
        try (FioRounds fio = new FioRounds(
                host.folder().resolve("fio.out"), mount.resolve("file").toString(), "--size=16m")) {
            for (int i = 0; i < ROUNDS; i++) {
                LockSupport.parkNanos(1_000_000_000);
                nfs.kill();
                if (i == 1) {
                    // The successor finds the NFS server gone.
                    killServer(device.server());
                }
                nfs.run();
                fio.requireHealthy();
            }
            killHolder(device.server());
            killServer(device.server());
            assertThat(server(other.server())).isEqualTo(untouched);
            detach(other);
            rounds = fio.stop();
        }
        System.out.println(rounds + " rounds of fio verified");
        assertThat(rounds).isPositive();
        Commands.run(ServerHost.LIMIT, "umount", mount.toString());
        Commands.run(ServerHost.LIMIT, "e2fsck", "-fn", device.blockDevice());
        detach(device);
        assertThat(ChainCheck.run(AttachedImage.filesOf(place)).findings()).isEmpty();
        ServerHost.await("a server without devices has ended", () -> !untouched.alive());
    }

    /** The device server starts another one. */
    private static void killHolder(RunFolder own) throws IOException {
        ServerHost.killHolder(own, 1);
    }

    @Test
    void anotherHostIsRefusedWithAllThatItMustKnow() throws Exception {
        ImagePlace place = newImage("shared");
        ControlClient.AttachedDevice device = attach("shared", place);
        Path ours = lastRecord("shared");
        String held = Files.readString(ours);
        detach(device);
        assertThat(held).contains("\nstate held\n");
        String name = lastRecord("shared").getFileName().toString();
        int digits = name.length() - 16;
        long next = Long.parseLong(name.substring(digits), 16) + 1;
        Path theirs = ours.resolveSibling(name.substring(0, digits) + String.format(Locale.ROOT, "%016x", next));
        Files.writeString(theirs, held.replaceFirst("\nhost .", "\nhost #"));
        assertThatThrownBy(() -> attach("shared", place))
                .isInstanceOf(ControlException.class)
                .hasMessageContaining("is in use by host #")
                .hasMessageContaining("tidemark image break-lock")
                .extracting(e -> ((ControlException) e).kind())
                .isEqualTo(ControlException.Kind.BUSY);
        Files.delete(theirs);
        detach(attach("shared", place));
    }

    private static Path lastRecord(String image) throws IOException {
        try (Stream<Path> names = Files.list(nfs.export().resolve(image))) {
            return names.filter(one -> one.getFileName().toString().startsWith(".tidemark-nfs-owner-"))
                    .max(Comparator.naturalOrder())
                    .orElseThrow();
        }
    }

    @Test
    void whatIsNotThereOrNotAllowedIsOneSentence() throws Exception {
        newImage("closed");
        assertThatThrownBy(() -> attach("d", place("none")))
                .hasMessageContaining("there is no such image")
                .extracting(e -> ((ControlException) e).kind())
                .isEqualTo(ControlException.Kind.NOT_FOUND);
        refused("no/such", "the server has no such folder");
        refused("x".repeat(300), "too long");
        refused("closed?uid=12345&gid=12345", "does not let this host mount it, or this user in");
        assertThatThrownBy(() -> AttachedImage.filesOf(ImagePlace.of("nfs://" + nfs.address() + "/elsewhere/image")))
                .hasMessageContaining("does not export /elsewhere; it exports " + nfs.export());
    }

    private static void refused(String name, String words) {
        assertThatThrownBy(() -> AttachedImage.filesOf(place(name))).hasMessageContaining(words);
    }
}
