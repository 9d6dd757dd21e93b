package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedLayout;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.partition.GuidPartitionTable;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.EveryCrash;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.OrderCheckedDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

/**
 * A disk is made smaller, with a crash at every operation: what lies before the new end stays, the disk has the old size or the
 * new one, its partition table can be read, and nothing names a cluster behind its end.
 */
@Timeout(300)
public class ImageShrinkCrashTest {
    private static final int CLUSTER = 32 << 10;
    /** Three clusters of table, of which one stays. */
    private static final long OLD = 20_000L * CLUSTER;

    private static final long NEW = 60L * CLUSTER;
    private static final int WRITTEN = 9;

    private static AttachedImage open(ImageDirectory disk, boolean writable) throws IOException {
        ChainFiles files = ChainFiles.in(disk);
        return AttachedImage.open(
                files,
                writable ? AttachedImage.Use.READ_WRITE : AttachedImage.Use.READ_ONLY,
                StateArea.inMemory(),
                ChainLocks.take(files, writable),
                false,
                OwnerRecord.ofCommand(),
                UUID::randomUUID);
    }

    /** Data before the new end and behind it, up to the last cluster. */
    private static SimulatedDisk image(ExpandedVersion version) throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        ChainFiles.create(disk, "root.hdd", OLD, CLUSTER, new ExpandedLayout(version, false));
        AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);
        try (AttachedImage image = open(disk, true)) {
            GuidPartitionTable.forContainer(OLD, CLUSTER, new UUID(1, 2), new UUID(3, 4))
                    .write(image);
            for (int i = 1; i <= WRITTEN; i++) {
                buffer.bytes().put(0, content(i));
                image.write(i * 6L * CLUSTER, buffer, 0, CLUSTER);
                image.write(OLD - i * 2_000L * CLUSTER, buffer, 0, CLUSTER);
            }
        }
        return disk;
    }

    private static byte[] content(int i) {
        byte[] content = new byte[CLUSTER];
        new Random(i).nextBytes(content);
        return content;
    }

    private static void check(ImageDirectory disk, boolean mustBeNew) throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);
        byte[] found = new byte[CLUSTER];
        try (AttachedImage image = open(disk, false)) {
            assertThat(image.sizeBytes()).isIn(mustBeNew ? List.of(NEW) : List.of(OLD, NEW));
            assertThat(GuidPartitionTable.read(image)).isPresent();
            for (int i = 1; i <= WRITTEN; i++) {
                image.read(i * 6L * CLUSTER, buffer, 0, CLUSTER);
                buffer.bytes().get(0, found);
                assertThat(found).as("part " + i).isEqualTo(content(i));
            }
        }
        for (Finding finding : ChainCheck.run(ChainFiles.in(disk)).findings()) {
            assertThat(finding).isInstanceOf(Finding.LeakedClusters.class);
        }
    }

    /** As the command does it, once the file system is small enough. */
    private static void shrink(ImageDirectory disk) throws IOException {
        try (AttachedImage image = open(disk, true)) {
            if (image.sizeBytes() > NEW) {
                GuidPartitionTable.read(image)
                        .orElseThrow()
                        .shrunkTo(NEW, CLUSTER, image.name())
                        .write(image, NEW);
                image.discard(NEW, image.sizeBytes() - NEW);
                image.flush();
            }
        }
        ImageShrink.run(ChainFiles.in(disk), NEW);
    }

    private static int crashes(ExpandedVersion version, Random random, UnaryOperator<ImageDirectory> program)
            throws IOException {
        SimulatedDisk before = image(version).crash(new Random(0));
        for (int operations = 0; ; operations++) {
            SimulatedDisk disk = before.crash(random);
            MortalDirectory mortal = new MortalDirectory(disk);
            mortal.killAfter(operations);
            boolean done = false;
            try {
                shrink(program.apply(mortal));
                done = true;
            } catch (Killed e) {
                // The machine goes down here.
            }
            SimulatedDisk after = goOn(disk.crash(random), done);
            if (done) {
                usable(after);
                return operations;
            }
        }
    }

    private static SimulatedDisk goOn(SimulatedDisk disk, boolean done) throws IOException {
        SimulatedDisk after = disk;
        open(after, true).close();
        check(after, done);
        shrink(after);
        after = after.crash(CrashPlan.dropAll());
        check(after, true);
        return after;
    }

    /** Images for many lives, each with a twin of its own. */
    private static final Map<ExpandedVersion, SimulatedDisk> MADE = new ConcurrentHashMap<>();

    /** One disk is made smaller, with a crash somewhere. */
    public static void shortly(Random random) throws IOException {
        live(random, BrokenOff.BY_POWER_CUT, UnaryOperator.identity());
    }

    /** One disk is made smaller, broken off somewhere. */
    public static void live(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program)
            throws IOException {
        ExpandedVersion version = ExpandedVersion.values()[random.nextInt(2)];
        SimulatedDisk made = MADE.get(version);
        if (made == null) {
            made = image(version).twin();
            MADE.put(version, made);
        }
        SimulatedDisk disk = made.twin();
        boolean done = brokenOff.run(disk, random, program, folder -> shrink(new OrderCheckedDirectory(folder)));
        usable(goOn(brokenOff.next(disk, random), done));
    }

    /** The room of the table that is needed no more is used, and the header is what other programs insist on. */
    private static void usable(SimulatedDisk disk) throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);
        buffer.bytes().put(0, content(99));
        try (AttachedImage image = open(disk, true)) {
            image.write(NEW - CLUSTER, buffer, 0, CLUSTER);
            image.write(7L * CLUSTER, buffer, 0, CLUSTER);
        }
        try (ImageIo io = disk.open("root.hdd", ImageDirectory.OpenMode.READ_ONLY)) {
            assertThat(ExpandedFormat.readHeader(io).dataStartBytes()).isEqualTo(CLUSTER);
            assertThat(io.size()).isLessThan(20L * CLUSTER);
        }
        assertThat(ChainCheck.run(ChainFiles.in(disk)).findings()).isEmpty();
    }

    @Test
    void whateverIsLeftIsTheOldDiskOrTheNewOne() throws Exception {
        for (ExpandedVersion version : ExpandedVersion.values()) {
            for (long seed : Seeds.of(1).toArray()) {
                Seeds.replayable(getClass(), seed, random -> {
                    int operations = crashes(version, random, folder -> folder);
                    assertThat(operations).isGreaterThan(15);
                });
            }
        }
    }

    /** Every power cut, with every subset of the newest of what was not durable. */
    @Test
    void everySubsetOfEveryCrash() throws IOException {
        long crashes = EveryCrash.of(image(ExpandedVersion.V2).twin(), 1, disk -> new EveryCrash.Trial() {
            @Override
            public void work(ImageDirectory folder) throws IOException {
                shrink(folder);
            }

            @Override
            public void check(SimulatedDisk after, boolean finished) throws IOException {
                goOn(after, finished);
            }
        });
        System.out.println(crashes + " crashes");
        assertThat(crashes).isGreaterThan(60);
    }

    /** No sync of the file: the header says that the disk is small while entries name clusters behind its end. */
    @Test
    void aProgramThatDoesNotSyncIsCaught() {
        assertThatThrownBy(() -> {
                    for (long seed = 1; seed <= 40; seed++) {
                        crashes(
                                ExpandedVersion.V2,
                                new Random(seed),
                                folder -> new ForwardingDirectory(folder, Unsynced::new));
                    }
                })
                .isInstanceOfAny(AssertionError.class, ImageException.class);
    }

    private static final class Unsynced extends ForwardingImageIo {
        Unsynced(ImageIo below) {
            super(below);
        }

        @Override
        public void flush() {
            // Forgotten.
        }
    }

    @Test
    void anImageWithSnapshotsIsRefused() throws IOException {
        SimulatedDisk disk = image(ExpandedVersion.V2);
        new SnapshotOperations(UUID::randomUUID).create(ChainFiles.in(disk));
        assertThatThrownBy(() -> ImageShrink.run(ChainFiles.in(disk), NEW))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("snapshots");
        check(disk, false);
    }

    @Test
    void aRawFileIsCut() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        try (ImageIo io = disk.create("disk.raw")) {
            io.truncate(8 << 20);
            io.flush();
        }
        ImageShrink.run(ChainFiles.loneFile(disk, "disk.raw", "raw"), 4 << 20);
        try (ImageIo io = disk.open("disk.raw", ImageDirectory.OpenMode.READ_ONLY)) {
            assertThat(io.size()).isEqualTo(4 << 20);
        }
    }
}
