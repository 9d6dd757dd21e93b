package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.DiskDescriptor;
import org.tidemark.ploop.chain.DiskDescriptor.Shot;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.filesystem.ConsistencyGrade;
import org.tidemark.ploop.filesystem.FrozenInstant;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.Formats;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;
import org.tidemark.ploop.testing.Seeds;

/**
 * Snapshots are made, merged, deleted and mounted on devices under load, and the device server is killed at random: fio finds
 * what it wrote, synced records are there, and every snapshot shows what was frozen.
 */
@Requires({"root", "fuse", "loop", "fio", "mkfs.ext4", "qemu-img", "ploop"})
@Timeout(300)
class SnapshotsUnderLoadIT {
    private static final long SIZE = 256L << 20;
    /** Small enough to be read as a whole while it is frozen. */
    private static final long FORMATTED_SIZE = 64L << 20;

    private static final int ROUNDS = Integer.getInteger("rounds", 8);
    private static final int FIRST_ROUNDS = Integer.getInteger("firsts", 3);
    /** Long: the disk is read as a whole while it is frozen. */
    private static final java.time.Duration FREEZE_LIMIT = java.time.Duration.ofSeconds(10);

    private ServerHost host;

    @BeforeEach
    void start() throws IOException {
        host = ServerHost.start("snapshots-");
    }

    @AfterEach
    void stop() throws IOException {
        host.close();
    }

    @Test
    void snapshotsComeAndGoUnderLoad() throws Exception {
        long seed = Long.getLong("seed", System.nanoTime() & 0xffffff);
        System.out.println("snapshots with seed " + seed);
        Seeds.replayable(getClass(), seed, random -> new Run(random).go());
    }

    /** A killed server's successor finds the file or the folder, whichever it is by then. */
    @Test
    void aSingleFileBecomesAFolderUnderLoad() throws Exception {
        long seed = Long.getLong("seed", System.nanoTime() & 0xffffff);
        System.out.println("first snapshots with seed " + seed);
        Seeds.replayable(getClass(), seed, random -> {
            int inside = 0;
            for (int round = 0; round < FIRST_ROUNDS; round++) {
                inside += firstSnapshot(random, round, round % 2 == 0 ? RawFormat.ID : ExpandedFormat.ID);
            }
            System.out.println(inside + " of " + (FIRST_ROUNDS - 1) + " kills during a first snapshot");
        });
    }

    private int firstSnapshot(Random random, int round, String format) throws Exception {
        boolean killing = round > 0;
        Path folder = Files.createDirectory(host.folder().resolve("lone-" + round));
        Path image = folder.resolve("disk.img");
        try (ImageIo io = new VfsImageDirectory(folder).create("disk.img")) {
            Formats.byId(format).create(io, new DeltaGeometry(64L << 20, format.equals(RawFormat.ID) ? 512 : 1 << 20));
        }
        String block = host.attach("lone", image);
        int inside = 0;
        try (FioRounds fio = new FioRounds(host.folder().resolve("fio.out"), block, "--size=32m")) {
            LockSupport.parkNanos(300_000_000);
            Thread killer = new Thread(() -> killSoon(random.nextInt(60)));
            if (killing) {
                killer.start();
            }
            try {
                snapshot();
            } catch (ControlException e) {
                assertThat(e.kind())
                        .as(e.toString())
                        .isIn(ControlException.Kind.DISCONNECTED, ControlException.Kind.BUSY);
                assertThat(killing).isTrue();
                inside = 1;
            }
            killer.join();
            host.awaitServing();
            if (!Files.isDirectory(image)) {
                snapshot();
            }
            fio.requireHealthy();
            snapshot();
            fio.stop();
        }
        assertThat(image.resolve(DiskDescriptor.FILE_NAME)).exists();
        String before = Commands.run(ServerHost.LIMIT, "sha256sum", block).split(" ")[0];
        host.client().detach("lone", ServerHost.LIMIT);
        try (java.util.stream.Stream<Path> beside = Files.list(folder)) {
            assertThat(beside).containsExactly(image);
        }
        assertThat(ServerHost.check(image).findings())
                .allSatisfy(finding -> assertThat(finding).isInstanceOf(Finding.LeakedClusters.class));
        assertThat(Commands.run(ServerHost.LIMIT, "sha256sum", host.attach("lone", image))
                        .split(" ")[0])
                .isEqualTo(before);
        host.client().request("snapshot.merge", Fields.of("device", "lone"), ServerHost.LIMIT);
        host.client().detach("lone", ServerHost.LIMIT);
        return inside;
    }

    private void snapshot() throws ControlException {
        host.client().request("snapshot.create", Fields.of("device", "lone"), ServerHost.LIMIT);
    }

    private void killSoon(long millis) {
        try {
            LockSupport.parkNanos(millis * 1_000_000);
            host.killServer();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** One run: a raw device with fio, and one with a file system. */
    private final class Run {
        private final Random random;
        private final Map<String, Long> frozen = new LinkedHashMap<>();
        private final List<Long> heldMicros = new ArrayList<>();
        private final List<Long> frozenMillis = new ArrayList<>();
        private Path fsImage = Path.of("");
        private final Map<String, String> checksums = new LinkedHashMap<>();
        private Path mount = Path.of("");
        private String formattedBlock = "";
        private FsyncWriter writer;
        private int kills;
        private int killedInside;
        private int mounted;
        private int compared;

        Run(Random random) {
            this.random = random;
        }

        void go() throws Exception {
            Path raw = host.newImage("raw", SIZE);
            fsImage = host.newImage("formatted", FORMATTED_SIZE);
            String rawBlock = host.attach("raw", raw);
            String block = host.attach("formatted", fsImage);
            formattedBlock = block;
            mount = Files.createDirectory(host.folder().resolve("mnt"));
            Commands.run(ServerHost.LIMIT, "mkfs.ext4", "-q", block);
            Commands.run(ServerHost.LIMIT, "mount", block, mount.toString());
            long acknowledged;
            int fioRounds;
            try (FioRounds fio = new FioRounds(host.folder().resolve("fio.out"), rawBlock, "--size=32m");
                    FsyncWriter records = new FsyncWriter(mount.resolve("records"))) {
                writer = records;
                for (int round = 0; round < ROUNDS; round++) {
                    round("raw", raw);
                    round("formatted", fsImage);
                    fio.requireHealthy();
                }
                host.awaitServing();
                create("formatted");
                for (String guid : snapshots(fsImage)) {
                    mount(guid);
                }
                acknowledged = records.stop();
                fioRounds = fio.stop();
            }
            host.awaitServing();
            System.out.println(fioRounds + " rounds of fio, " + acknowledged + " synced records, " + kills + " kills, "
                    + killedInside + " of them during a change; writers held for at most " + max(heldMicros)
                    + " us, frozen for at most " + max(frozenMillis) + " ms; " + mounted + " snapshots mounted, "
                    + compared + " compared as a whole");
            assertThat(compared).as("snapshots compared as a whole").isPositive();
            finish(block, acknowledged, raw);
        }

        private long max(List<Long> values) {
            return values.stream().mapToLong(Long::longValue).max().orElse(0);
        }

        private void round(String device, Path image) throws Exception {
            boolean killing = random.nextInt(3) == 0;
            Thread killer = new Thread(() -> killSoon(random.nextInt(120)));
            if (killing) {
                kills++;
                killer.start();
            }
            try {
                change(device, image);
            } catch (ControlException e) {
                boolean expected = e.kind() == ControlException.Kind.DISCONNECTED
                        || e.kind() == ControlException.Kind.BUSY
                        || e.kind() == ControlException.Kind.NOT_FOUND;
                assertThat(killing && expected).as(e.toString()).isTrue();
                killedInside++;
            } finally {
                if (killing) {
                    killer.join();
                    host.awaitServing();
                }
            }
        }

        private void change(String device, Path image) throws Exception {
            List<String> guids = snapshots(image);
            int choice = random.nextInt(10);
            if (guids.size() < 2 || (choice < 4 && guids.size() < 6)) {
                create(device);
            } else if (choice < 8) {
                String guid = guids.get(random.nextInt(guids.size()));
                frozen.remove(guid);
                request("snapshot.delete", Fields.of("device", device, "snapshot", guid));
                assertThat(snapshots(image)).doesNotContain(guid);
            } else if (choice == 8 && device.equals("formatted")) {
                mountOne();
            } else {
                guids.forEach(frozen::remove);
                request("snapshot.merge", Fields.of("device", device));
                assertThat(snapshots(image)).isEmpty();
            }
        }

        private Fields request(String command, Fields arguments) throws ControlException {
            return host.client().request(command, arguments, ServerHost.LIMIT.multipliedBy(2));
        }

        /** Of the file system, what was synced until then is in every snapshot. */
        private void create(String device) throws Exception {
            long before = writer.acknowledged();
            if (device.equals("raw")) {
                heldMicros.add(
                        request("snapshot.create", Fields.of("device", device)).number("heldMicros"));
                return;
            }
            Fields prepared = request("snapshot.prepare", Fields.of("device", device));
            frozen.put(prepared.text("snapshot"), before);
            FrozenInstant instant = new FrozenInstant(new HolderWatchdog(host.run()), FREEZE_LIMIT);
            FrozenInstant.Outcome<Fields> outcome = instant.run(List.of(mount), () -> {
                checksums.put(prepared.text("snapshot"), checksum(formattedBlock));
                return request("snapshot.create", Fields.of("prepared", prepared.text("prepared")));
            });
            assertThat(outcome.grade()).isEqualTo(ConsistencyGrade.FILESYSTEM);
            frozenMillis.add(outcome.frozenNanos() / 1_000_000);
            heldMicros.add(outcome.value().number("heldMicros"));
        }

        private String checksum(String block) throws IOException {
            try {
                return Commands.run(
                        ServerHost.LIMIT, "sh", "-c", "dd if=" + block + " bs=1M iflag=direct status=none | sha256sum");
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
        }

        private List<String> snapshots(Path image) throws IOException {
            DiskDescriptor descriptor =
                    AttachedImage.filesOf(image).descriptor().orElseThrow();
            return descriptor.shots().stream()
                    .filter(shot -> !shot.temporary())
                    .map(Shot::guid)
                    .filter(guid -> !guid.equals(descriptor.topGuid()))
                    .toList();
        }

        /** Beside its origin, which goes on; the level cannot be merged meanwhile. */
        private void mountOne() throws Exception {
            List<String> guids = snapshots(fsImage);
            if (guids.isEmpty()) {
                return;
            }
            mount(guids.get(random.nextInt(guids.size())));
        }

        private void mount(String guid) throws Exception {
            String block = request(
                            "attach",
                            Fields.of(
                                    "device", "level",
                                    "image", fsImage.toString(),
                                    "options", Map.of("level", guid)))
                    .text("blockDevice");
            if (checksums.containsKey(guid)) {
                compared++;
                assertThat(checksum(block)).as("the disk of snapshot " + guid).isEqualTo(checksums.get(guid));
            }
            Path there = Files.createDirectories(host.folder().resolve("level"));
            Commands.run(ServerHost.LIMIT, "mount", "-o", "ro", block, there.toString());
            Long expected = frozen.get(guid);
            if (expected != null) {
                assertThat(FsyncWriter.missing(there.resolve("records"), expected))
                        .isEmpty();
            }
            mounted++;
            org.assertj.core.api.Assertions.assertThatThrownBy(
                            () -> request("snapshot.delete", Fields.of("device", "formatted", "snapshot", guid)))
                    .isInstanceOfSatisfying(ControlException.class, e -> assertThat(e.kind())
                            .isIn(ControlException.Kind.BUSY, ControlException.Kind.DISCONNECTED));
            host.awaitServing();
            Commands.run(ServerHost.LIMIT, "umount", there.toString());
            host.client().detach("level", ServerHost.LIMIT);
        }

        private void finish(String block, long acknowledged, Path raw) throws Exception {
            Commands.run(ServerHost.LIMIT, "umount", mount.toString());
            Commands.run(ServerHost.LIMIT, "e2fsck", "-fn", block);
            Commands.run(ServerHost.LIMIT, "mount", block, mount.toString());
            assertThat(FsyncWriter.missing(mount.resolve("records"), acknowledged))
                    .isEmpty();
            Commands.run(ServerHost.LIMIT, "umount", mount.toString());
            for (String id : List.of("raw", "formatted")) {
                host.client().detach(id, ServerHost.LIMIT);
            }
            for (Path image : List.of(raw, fsImage)) {
                assertThat(ServerHost.check(image).findings())
                        .allSatisfy(finding -> assertThat(finding).isInstanceOf(Finding.LeakedClusters.class));
                try (java.util.stream.Stream<Path> files = Files.list(image)) {
                    assertThat(files.map(file -> String.valueOf(file.getFileName()))
                                    .filter(name -> name.startsWith("tidemark-overlay") || name.endsWith("intent")))
                            .isEmpty();
                }
            }
            everyToolReadsIt();
        }

        /** The real tool lists the same tree. */
        private void everyToolReadsIt() throws Exception {
            String list = Commands.run(
                    ServerHost.LIMIT,
                    "ploop",
                    "snapshot-list",
                    fsImage.resolve(DiskDescriptor.FILE_NAME).toString());
            for (String guid : snapshots(fsImage)) {
                assertThat(list).contains(guid);
            }
        }
    }
}
