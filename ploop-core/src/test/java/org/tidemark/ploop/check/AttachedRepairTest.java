package org.tidemark.ploop.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainProgress;
import org.tidemark.ploop.chain.OwnerRecord;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.device.DeviceState;
import org.tidemark.ploop.device.DeviceView;
import org.tidemark.ploop.device.Instant;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.Checkpoint;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.HostIdentity;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * A damaged image is mended under its device: what was readable reads the same, what is written afterwards is there, a check
 * finds nothing more, also when the process is killed, or the power goes, at any operation.
 */
class AttachedRepairTest {
    private static final int CLUSTER = 32 * 1024;
    private static final int CLUSTERS = 24;
    private static final int USED = 10;
    private static final int DUPLICATE = 15;
    private static final int BEYOND = 18;
    private static final String TOP = "root.hdd";
    private static final HostIdentity HOST = new HostIdentity("host-a", "boot-1");

    @TempDir
    private Path scratch;

    private final AlignedBuffer buffer = AlignedBuffer.allocate(CLUSTER);
    private final byte[][] expected = new byte[CLUSTERS][CLUSTER];

    private SimulatedDisk sound(boolean belowASnapshot) throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        ChainFiles.create(disk, TOP, (long) CLUSTERS * CLUSTER, CLUSTER);
        Random random = new Random(7);
        try (AttachedImage image = open(disk, Use.READ_WRITE, new KeptState())) {
            for (int cluster = 0; cluster < USED; cluster++) {
                random.nextBytes(expected[cluster]);
                write(image, cluster);
            }
            if (belowASnapshot) {
                try (AttachedImage.Change change = image.beginChange(UUID::randomUUID, ChainProgress.NONE)) {
                    change.operations().create(image.files());
                }
            }
        }
        return disk;
    }

    /**
     * Damage that comes while the image is attached: one entry names another one's cluster, one names none of the file's, and
     * there are words behind the table.
     */
    private void damage(SimulatedDisk disk) throws IOException {
        try (ImageIo io = disk.open(TOP, OpenMode.READ_WRITE)) {
            word(io, 64 + 4 * DUPLICATE, TestBytes.read(io, 64 + 4 * 3, 4));
            expected[DUPLICATE] = expected[3].clone();
            word(io, 64 + 4 * BEYOND, new byte[] {99, 0, 0, 0});
            word(io, 64 + 4 * (CLUSTERS + 5), new byte[] {1, 2, 3, 4});
            io.flush();
        }
    }

    private static void word(ImageIo io, long offset, byte[] bytes) throws IOException {
        TestBytes.write(io, offset, bytes);
    }

    private static AttachedImage open(ImageDirectory folder, Use use, KeptState area) throws IOException {
        return AttachedImage.open(
                ChainFiles.in(folder), use, area, () -> {}, true, new OwnerRecord(HOST, 1), UUID::randomUUID);
    }

    private void write(AttachedImage image, int cluster) throws IOException {
        buffer.bytes().put(0, expected[cluster]);
        image.write((long) cluster * CLUSTER, buffer, 0, CLUSTER);
    }

    private byte[] read(AttachedImage image, int cluster) throws IOException {
        image.read((long) cluster * CLUSTER, buffer, 0, CLUSTER);
        byte[] found = new byte[CLUSTER];
        buffer.bytes().get(0, found);
        return found;
    }

    private void reads(AttachedImage image) throws IOException {
        for (int cluster = 0; cluster < CLUSTERS; cluster++) {
            assertThat(Arrays.equals(read(image, cluster), expected[cluster]))
                    .as("cluster " + cluster)
                    .isTrue();
        }
    }

    private static List<ChainRepair.Repaired> repair(AttachedImage image) throws IOException {
        try (AttachedImage.Change change = image.beginChange(UUID::randomUUID, ChainProgress.NONE)) {
            return ChainRepair.run(change, image.files());
        }
    }

    private static void nothingIsWrong(SimulatedDisk disk) throws IOException {
        assertThat(ChainCheck.run(ChainFiles.in(disk)).findings())
                .allSatisfy(finding -> assertThat(finding).isInstanceOf(Finding.LeakedClusters.class));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aDamagedImageIsMendedAndGoesOn(boolean belowASnapshot) throws IOException {
        SimulatedDisk disk = sound(belowASnapshot);
        try (AttachedImage image = open(disk, Use.READ_WRITE, new KeptState())) {
            damage(disk);
            assertThat(ChainCheck.run(ChainFiles.in(disk)).damaged()).isTrue();
            // The control: it cannot be used as it is.
            assertThatThrownBy(() -> read(image, BEYOND)).isInstanceOf(ImageException.class);
            assertThat(repair(image)).hasSize(1);
            assertThat(disk.exists(TOP + ".undo-1")).isTrue();
            reads(image);
            new Random(9).nextBytes(expected[20]);
            write(image, 20);
            new Random(8).nextBytes(expected[DUPLICATE]);
            write(image, DUPLICATE);
            reads(image);
            assertThat(repair(image)).isEmpty();
            reads(image);
        }
        nothingIsWrong(disk);
        try (AttachedImage image = open(disk, Use.READ_ONLY, new KeptState())) {
            reads(image);
        }
    }

    @Test
    void theNextBackupReadsEverything() throws IOException {
        SimulatedDisk disk = sound(false);
        try (AttachedImage image = open(disk, Use.READ_WRITE, new KeptState())) {
            damage(disk);
            Checkpoint since;
            try (DeviceView view = view(image, null)) {
                assertThatThrownBy(() -> repair(image))
                        .isInstanceOfSatisfying(
                                ImageException.class, e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.IN_USE));
                since = view.interval().end();
            }
            ChangedBlockTracker tracker = image.device().tracker();
            assertThat(tracker).isNotNull();
            tracker.commit("target", since);
            assertThat(repair(image)).hasSize(1);
            try (DeviceView view = view(image, since)) {
                assertThat(view.interval().isFull()).isFalse();
                assertThat(view.interval().mayHaveChanged((long) BEYOND * CLUSTER, 512))
                        .isTrue();
            }
        }
    }

    private DeviceView view(AttachedImage image, @org.jspecify.annotations.Nullable Checkpoint since)
            throws IOException {
        return Instant.take(
                        List.of(new Instant.Wanted(image.device(), "view", "target", since, scratch, 1 << 22)),
                        1_000_000_000L)
                .get(0);
    }

    /** At every operation, until the repair is through. An image that is damaged still is mended before it is opened again. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void killedAnywhereTheRepairIsStartedAgain(boolean powerGoes) throws IOException {
        int crashes = 0;
        int open = 0;
        for (int left = 0; ; left++) {
            SimulatedDisk disk = sound(left % 2 == 1);
            MortalDirectory process = new MortalDirectory(disk);
            KeptState area = new KeptState();
            AttachedImage image = open(process, Use.READ_WRITE, area);
            damage(disk);
            process.killAfter(left);
            try {
                repair(image);
                process.spare();
                image.close();
                break;
            } catch (Killed e) {
                crashes++;
            }
            SimulatedDisk after = powerGoes ? disk.crash(new Random(left)) : disk;
            Use use = powerGoes ? Use.READ_WRITE : Use.TAKE_OVER;
            try (AttachedImage again = open(after, use, powerGoes ? new KeptState() : area.successor())) {
                assertThat(again.state()).isEqualTo(DeviceState.RUNNING);
                repair(again);
                reads(again);
                open++;
            } catch (ImageException e) {
                assertThat(e.kind()).isEqualTo(ImageException.Kind.DAMAGED);
                ChainRepair.run(ChainFiles.in(after));
                try (AttachedImage again = open(after, Use.READ_WRITE, new KeptState())) {
                    reads(again);
                }
            }
            nothingIsWrong(after);
        }
        assertThat(crashes).isGreaterThan(15);
        assertThat(open).isGreaterThan(4);
    }
}
