package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.HostIdentity;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

/** The disk of an attached image becomes larger while it is written to, backed up, killed and cut off at any operation. */
@Timeout(300)
final class AttachedGrowthCrashTest {
    private static final int STEPS = 50;
    private static final int CONTROL_SEEDS = 300;

    @TempDir
    Path scratch;

    static LongStream seeds() {
        return Seeds.of(120);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void nothingIsLostAndIncrementsGoOn(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> run(random, UnaryOperator.identity(), UnaryOperator.identity())
                .go(STEPS));
    }

    private AttachedGrowthRun run(
            Random random,
            UnaryOperator<org.tidemark.ploop.io.ImageDirectory> program,
            UnaryOperator<StateArea> memory) {
        return new AttachedGrowthRun(random, scratch, program, memory);
    }

    @Test
    void disksGrowAreKilledMeanwhileAndIncrementsFollow() throws IOException {
        int ofRaw = 0;
        int growths = 0;
        int killed = 0;
        int increments = 0;
        for (long seed = 1; seed <= 40; seed++) {
            AttachedGrowthRun run = run(new Random(seed), UnaryOperator.identity(), UnaryOperator.identity());
            run.go(STEPS);
            growths += run.growths();
            ofRaw += run.rawGrowths();
            killed += run.killedGrowths();
            increments += run.incrementsAfterGrowth();
        }
        System.out.println(
                growths + " growths, " + killed + " of them killed, " + increments + " increments after one");
        assertThat(ofRaw).as("growths of single raw files").isGreaterThan(5);
        assertThat(growths).isGreaterThan(40);
        assertThat(killed).isGreaterThan(10);
        assertThat(increments).isGreaterThan(20);
    }

    /** No sync of the image's files: entries may name copies that are not there. */
    @Test
    void aProgramThatDoesNotSyncIsCaught() {
        assertThatThrownBy(() -> {
                    for (long seed = 1; seed <= CONTROL_SEEDS; seed++) {
                        run(
                                        new Random(seed),
                                        folder -> new ForwardingDirectory(folder, Unsynced::new),
                                        UnaryOperator.identity())
                                .go(STEPS);
                    }
                })
                .isInstanceOfAny(AssertionError.class, IOException.class);
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

    /** A successor that takes what it finds in the area for that of the present disk, whatever its size was. */
    @Test
    void stateOfTheSmallerDiskIsCaught() {
        assertThatThrownBy(() -> {
                    for (long seed = 1; seed <= CONTROL_SEEDS; seed++) {
                        run(new Random(seed), UnaryOperator.identity(), Unbound::new)
                                .go(STEPS);
                    }
                })
                .isInstanceOfAny(AssertionError.class, IOException.class, RuntimeException.class);
    }

    /** Forgets which chain, of which size, it belongs to. */
    private record Unbound(StateArea area) implements StateArea {
        @Override
        public boolean resumed() {
            return area.resumed();
        }

        @Override
        public AlignedBuffer region(String name, int sizeBytes) throws IOException {
            return name.equals("chain")
                    ? AlignedBuffer.over(ByteBuffer.allocateDirect(sizeBytes))
                    : area.region(name, sizeBytes);
        }

        @Override
        public boolean exists(String name) {
            return area.exists(name);
        }

        @Override
        public List<String> names() throws IOException {
            return area.names();
        }

        @Override
        public void drop(String name) throws IOException {
            area.drop(name);
        }

        @Override
        public void dropStartingWith(String prefix) throws IOException {
            area.dropStartingWith(prefix);
        }

        @Override
        public void close() throws IOException {
            area.close();
        }
    }

    private static AttachedImage open(SimulatedDisk disk, StateArea area, UUID trackerId) throws IOException {
        return AttachedImage.open(
                ChainFiles.in(disk),
                AttachedImage.Use.READ_WRITE,
                area,
                () -> {},
                true,
                new OwnerRecord(new HostIdentity("host-a", "boot-1"), 1),
                () -> trackerId);
    }

    /** Detached and attached again, or after a power loss: the tracker knows the larger disk. */
    @Test
    void theTrackerOfAGrownDiskSurvivesItsEnd() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        ChainFiles.create(disk, "root.hdd", 10 << 20, 1 << 20);
        UUID id = new UUID(1, 2);
        AttachedImage first = open(disk, new KeptState(), id);
        try (AttachedImage.Change change = first.beginChange(UUID::randomUUID, ChainProgress.NONE)) {
            change.grow(400 << 20);
        }
        first.close();
        AttachedImage second = open(disk, new KeptState(), new UUID(3, 4));
        assertThat(second.sizeBytes()).isEqualTo(400 << 20);
        assertThat(second.device().tracker().trackerId()).isEqualTo(id);
        try (AttachedImage.Change change = second.beginChange(UUID::randomUUID, ChainProgress.NONE)) {
            change.grow(500 << 20);
        }
        SimulatedDisk after = disk.crash(new Random(1));
        AttachedImage third = open(after, new KeptState(), new UUID(5, 6));
        assertThat(third.sizeBytes()).isEqualTo(500 << 20);
        assertThat(third.device().tracker().trackerId()).isEqualTo(id);
        third.close();
    }

    @Test
    void aSmallerDiskAndOneTooLargeAreRefusedAndNothingChanges() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        ChainFiles.create(disk, "root.hdd", 10 << 20, 32 << 10);
        AttachedImage image = open(disk, new KeptState(), new UUID(1, 2));
        try (AttachedImage.Change change = image.beginChange(UUID::randomUUID, ChainProgress.NONE)) {
            assertThatThrownBy(() -> change.grow(5 << 20))
                    .isInstanceOf(ImageException.class)
                    .hasMessageContaining("only be made larger");
            assertThatThrownBy(() -> change.grow(1L << 40))
                    .isInstanceOf(ImageException.class)
                    .hasMessageContaining("smaller steps");
            assertThatThrownBy(() -> change.grow(100L << 40))
                    .isInstanceOf(ImageException.class)
                    .hasMessageContaining("cannot be tracked");
        }
        assertThat(image.sizeBytes()).isEqualTo(10 << 20);
        assertThat(disk.exists(ChainIntent.FILE_NAME)).isFalse();
        image.write(0, AlignedBuffer.allocate(4096), 0, 4096);
        image.close();
        assertThat(findings(disk)).isEmpty();
    }

    private static java.util.List<org.tidemark.ploop.check.Finding> findings(SimulatedDisk disk) throws IOException {
        return org.tidemark.ploop.check.ChainCheck.run(ChainFiles.in(disk)).findings();
    }
}
