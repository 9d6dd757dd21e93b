package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Arrays;
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
import org.tidemark.ploop.format.expanded.ExpandedLayout;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
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

/** A disk is made larger, with a crash at every operation: nothing in it changes, and it has the old size or the new one. */
@Timeout(300)
public class ImageGrowthCrashTest {
    private static final int CLUSTER = 32 << 10;
    private static final long OLD = 200L * CLUSTER;
    /** Three clusters of table instead of one: the first data clusters have to move. */
    private static final long NEW = 20_000L * CLUSTER;

    private static final int WRITTEN = 7;

    private static SimulatedDisk image(ExpandedVersion version, int levels) throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        ChainFiles.create(disk, "root.hdd", OLD, CLUSTER, new ExpandedLayout(version, false));
        Random names = new Random(1);
        for (int level = 0; level < levels; level++) {
            if (level > 0) {
                new SnapshotOperations(() -> new UUID(names.nextLong(), names.nextLong())).create(ChainFiles.in(disk));
            }
            write(disk, level);
        }
        return disk;
    }

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

    private static void write(ImageDirectory disk, int level) throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);
        try (AttachedImage image = open(disk, true)) {
            for (int i = level; i < WRITTEN; i++) {
                byte[] content = content(i, level);
                buffer.bytes().put(0, content);
                image.write(i * 9L * CLUSTER, buffer, 0, CLUSTER);
            }
        }
    }

    private static byte[] content(int i, int level) {
        byte[] content = new byte[CLUSTER];
        new Random(i * 100 + level).nextBytes(content);
        return content;
    }

    private static void check(ImageDirectory disk, int levels, boolean mustBeNew) throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);
        byte[] found = new byte[CLUSTER];
        try (AttachedImage image = open(disk, false)) {
            assertThat(image.sizeBytes()).isIn(mustBeNew ? List.of(NEW) : List.of(OLD, NEW));
            for (long cluster = 0; cluster < image.sizeBytes() / CLUSTER; cluster += cluster < 70 ? 1 : 499) {
                image.read(cluster * CLUSTER, buffer, 0, CLUSTER);
                buffer.bytes().get(0, found);
                boolean written = cluster % 9 == 0 && cluster / 9 < WRITTEN;
                byte[] expected = written
                        ? content((int) (cluster / 9), Math.min(levels - 1, (int) (cluster / 9)))
                        : new byte[CLUSTER];
                if (!Arrays.equals(found, expected)) {
                    throw new AssertionError("cluster " + cluster + " changed");
                }
            }
        }
        for (Finding finding : ChainCheck.run(ChainFiles.in(disk)).findings()) {
            // A cluster that was being moved to the end of the file when the power went is no part of anything yet.
            assertThat(finding instanceof Finding.LeakedClusters
                            || (!mustBeNew && finding instanceof Finding.ShortTail))
                    .as(finding.describe())
                    .isTrue();
        }
    }

    private static int crashes(
            ExpandedVersion version, int levels, Random random, UnaryOperator<ImageDirectory> program)
            throws IOException {
        SimulatedDisk before = image(version, levels).crash(new Random(0));
        for (int operations = 0; ; operations++) {
            if (growWithACrash(before, levels, operations, random, program)) {
                return operations;
            }
        }
    }

    private static boolean growWithACrash(
            SimulatedDisk before, int levels, int operations, Random random, UnaryOperator<ImageDirectory> program)
            throws IOException {
        SimulatedDisk disk = before.crash(random);
        MortalDirectory mortal = new MortalDirectory(disk);
        mortal.killAfter(operations);
        boolean done = false;
        try {
            ImageGrowth.run(ChainFiles.in(new OrderCheckedDirectory(program.apply(mortal))), NEW);
            done = true;
        } catch (Killed e) {
            // The machine goes down here.
        }
        goOn(disk.crash(random), levels, done);
        return done;
    }

    private static void goOn(SimulatedDisk after, int levels, boolean done) throws IOException {
        try (java.io.Closeable tree = ChainSteps.lockTree(after)) {
            ChainSteps.suspend(after);
        }
        check(after, levels, done);
        ImageGrowth.run(ChainFiles.in(after), NEW);
        check(after.crash(CrashPlan.dropAll()), levels, true);
    }

    /** Images for many lives, each with a twin of its own. */
    private static final Map<String, SimulatedDisk> MADE = new ConcurrentHashMap<>();

    /** One disk is made larger, with a crash somewhere. */
    public static void shortly(Random random) throws IOException {
        live(random, BrokenOff.BY_POWER_CUT, UnaryOperator.identity());
    }

    /** One disk is made larger, broken off somewhere. */
    public static void live(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program)
            throws IOException {
        ExpandedVersion version = ExpandedVersion.values()[random.nextInt(2)];
        int levels = 1 + random.nextInt(3);
        SimulatedDisk made = MADE.get(version.number() + "/" + levels);
        if (made == null) {
            made = image(version, levels).twin();
            MADE.put(version.number() + "/" + levels, made);
        }
        SimulatedDisk disk = made.twin();
        boolean done = brokenOff.run(
                disk,
                random,
                program,
                folder -> ImageGrowth.run(ChainFiles.in(new OrderCheckedDirectory(folder)), NEW));
        goOn(brokenOff.next(disk, random), levels, done);
    }

    @Test
    void whateverIsLeftIsTheOldDiskOrTheNewOne() throws Exception {
        for (ExpandedVersion version : ExpandedVersion.values()) {
            for (int levels = 1; levels <= 3; levels += 2) {
                int chain = levels;
                for (long seed : Seeds.of(3).toArray()) {
                    Seeds.replayable(getClass(), seed, random -> {
                        int operations = crashes(version, chain, random, folder -> folder);
                        assertThat(operations).isGreaterThan(10);
                    });
                }
            }
        }
    }

    /** Every power cut, with every subset of the newest of what was not durable. */
    @Test
    void everySubsetOfEveryCrash() throws IOException {
        for (ExpandedVersion version : ExpandedVersion.values()) {
            long crashes = EveryCrash.of(image(version, 1).twin(), 8, disk -> new EveryCrash.Trial() {
                @Override
                public void work(ImageDirectory folder) throws IOException {
                    ImageGrowth.run(ChainFiles.in(folder), NEW);
                }

                @Override
                public void check(SimulatedDisk after, boolean finished) throws IOException {
                    goOn(after, 1, finished);
                }
            });
            System.out.println(version + ": " + crashes + " crashes");
            assertThat(crashes).isGreaterThan(60);
        }
    }

    /** Every sync of the file goes: what the entries name, or what the header covers, may not be there. */
    @Test
    void aProgramThatDoesNotSyncIsCaught() {
        assertThatThrownBy(() -> {
                    for (long seed = 1; seed <= 40; seed++) {
                        crashes(
                                ExpandedVersion.V2,
                                1,
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
    void aSmallerDiskIsRefused() throws IOException {
        SimulatedDisk disk = image(ExpandedVersion.V2, 1);
        assertThatThrownBy(() -> ImageGrowth.run(ChainFiles.in(disk), OLD - CLUSTER))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("only be made larger");
        assertThat(disk.exists(ChainIntent.FILE_NAME)).isFalse();
        check(disk, 1, false);
    }

    @Test
    void moreThanTheFormatHasLeavesTheImageAsItWas() throws IOException {
        SimulatedDisk disk = image(ExpandedVersion.V1, 1);
        assertThatThrownBy(() -> ImageGrowth.run(ChainFiles.in(disk), 3L << 40))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("convert it");
        assertThat(disk.exists(ChainIntent.FILE_NAME)).isFalse();
        check(disk, 1, false);
    }
}
