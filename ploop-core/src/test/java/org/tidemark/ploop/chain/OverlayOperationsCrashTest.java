package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.tidemark.ploop.chain.SnapshotOperations.Snapshot;
import org.tidemark.ploop.contract.ChainDisk;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.OrderCheckedDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * The power goes off at every single operation of every change of the snapshots of a qcow2 image that is not attached, and
 * once more while that is being recovered: each level that is there holds what it held, only the one that was to go is gone,
 * nothing is left over, and the change can be made.
 */
@Timeout(300)
public final class OverlayOperationsCrashTest {
    private static final String IMAGE = "disk";
    private static final int CLUSTER = 4096;
    private static final int DISK = 6 * CLUSTER;
    private static final int CRASHES_PER_STEP = 1;

    /** One change of {@code first <- second <- image}, with a leaf beside {@code second}. */
    enum Change {
        CREATE {
            @Override
            void make(Fixture fixture, ChainFiles files) throws IOException {
                fixture.operations().create(files);
            }
        },
        DELETE_LEAF {
            @Override
            void make(Fixture fixture, ChainFiles files) throws IOException {
                fixture.mayGo = fixture.leaf;
                fixture.operations().delete(files, fixture.leaf);
            }
        },
        DELETE_BELOW_THE_TOP {
            @Override
            void make(Fixture fixture, ChainFiles files) throws IOException {
                fixture.mayGo = fixture.second;
                fixture.operations().delete(files, fixture.second);
            }
        },
        MERGE {
            @Override
            void make(Fixture fixture, ChainFiles files) throws IOException {
                fixture.mayGo = fixture.second;
                fixture.operations().merge(files, Guid.TOP);
            }
        },
        SWITCH {
            @Override
            void make(Fixture fixture, ChainFiles files) throws IOException {
                fixture.switchedTo = fixture.leaf;
                fixture.operations().switchTo(files, fixture.leaf);
            }
        };

        abstract void make(Fixture fixture, ChainFiles files) throws IOException;
    }

    private static final class Fixture {
        private final Random random;
        private final SimulatedDisk disk;
        private final Map<String, byte[]> contents = new LinkedHashMap<>();
        private String first = "";
        private String second = "";
        private String leaf = "";
        private String mayGo = "";
        private String switchedTo = "";

        /** For many lives, each with a twin of its own. */
        private static final Map<Integer, Fixture> MADE = new ConcurrentHashMap<>();

        private static final int SHAPES = 24;

        static Fixture one(Random random) throws IOException {
            int shape = random.nextInt(SHAPES);
            Fixture made = MADE.get(shape);
            if (made == null) {
                made = new Fixture(shape);
                MADE.put(shape, made);
            }
            return new Fixture(random, made);
        }

        private Fixture(Random random, Fixture like) {
            this.random = random;
            disk = like.disk.twin();
            contents.putAll(like.contents);
            first = like.first;
            second = like.second;
            leaf = like.leaf;
        }

        Fixture(long seed) throws IOException {
            random = new Random(seed);
            disk = new SimulatedDisk();
            try (ImageIo io = disk.create(IMAGE)) {
                Qcow2Format.create(io, new DeltaGeometry(DISK, CLUSTER), CreateOptions.USUAL);
            }
            write();
            first = snapshot();
            write();
            leaf = snapshot();
            operations().switchTo(OverlayTree.filesIn(disk, IMAGE), first);
            contents.put(Guid.TOP, contents.get(first));
            write();
            second = snapshot();
            write();
            disk.sync();
        }

        SnapshotOperations operations() {
            return new SnapshotOperations(() -> new UUID(random.nextLong(), random.nextLong()));
        }

        private String snapshot() throws IOException {
            String guid = operations().create(OverlayTree.filesIn(disk, IMAGE));
            contents.put(guid, contents.get(Guid.TOP));
            return guid;
        }

        private void write() throws IOException {
            byte[] now = contents.getOrDefault(Guid.TOP, new byte[DISK]).clone();
            try (ChainDisk top = ChainDisk.open(OverlayTree.filesIn(disk, IMAGE), OpenIntent.WRITE)) {
                for (int i = 0; i < 3; i++) {
                    byte[] bytes = new byte[1 + random.nextInt(CLUSTER)];
                    random.nextBytes(bytes);
                    int at = random.nextInt(DISK - bytes.length);
                    top.write(at, bytes);
                    System.arraycopy(bytes, 0, now, at, bytes.length);
                }
            }
            contents.put(Guid.TOP, now);
        }

        /** What every level holds, and which are there. A level on its way into the one above it shows nothing. */
        void check(SimulatedDisk after) throws IOException {
            OverlayTree tree = OverlayTree.read(after, IMAGE);
            Map<String, byte[]> left = new LinkedHashMap<>(contents);
            for (Snapshot level : tree.levels()) {
                byte[] expected = left.remove(level.guid());
                if (expected == null) {
                    // The snapshot that was being made.
                    expected = contents.get(Guid.TOP);
                }
                if (level.temporary()) {
                    assertThat(level.guid()).isEqualTo(mayGo);
                    continue;
                }
                try (ChainDisk shown = ChainDisk.open(tree.filesOf(level.file()), OpenIntent.READ)) {
                    byte[] found = shown.read(0, DISK);
                    boolean switched =
                            level.current() && !switchedTo.isEmpty() && Arrays.equals(found, contents.get(switchedTo));
                    assertThat(switched || Arrays.equals(found, expected))
                            .as("content of level " + level.guid())
                            .isTrue();
                }
            }
            assertThat(left.keySet()).as("levels that are gone").allMatch(mayGo::equals);
        }

        boolean recover(ImageDirectory folder) throws IOException {
            return operations().recover(OverlayTree.filesIn(folder, IMAGE));
        }

        void checkTidy(SimulatedDisk after) throws IOException {
            OverlayTree tree = OverlayTree.read(after, IMAGE);
            assertThat(tree.intent()).isEqualTo(OverlayIntent.NOTHING);
            assertThat(after.list())
                    .as("files that nobody names")
                    .allMatch(name ->
                            name.endsWith(".tidemark-lock") || levels(tree).contains(name));
        }

        private static java.util.List<String> levels(OverlayTree tree) {
            try {
                return tree.levels().stream().map(Snapshot::file).toList();
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }

    /** One change, the power going off somewhere in it, and once more while that is being recovered. */
    public static void shortly(Random random) throws IOException {
        live(random, BrokenOff.BY_POWER_CUT, UnaryOperator.identity());
    }

    /** One change, broken off somewhere. */
    public static void live(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program)
            throws IOException {
        Change change = Change.values()[random.nextInt(Change.values().length)];
        Fixture fixture = Fixture.one(random);
        brokenOff.run(
                fixture.disk,
                random,
                program,
                folder -> change.make(fixture, OverlayTree.filesIn(new OrderCheckedDirectory(folder), IMAGE)));
        crashAndGoOn(fixture, brokenOff.next(fixture.disk, random), random);
    }

    private static void crashEverywhere(Change change, UnaryOperator<ImageDirectory> program) throws IOException {
        Random random = new Random(change.ordinal());
        boolean done = false;
        for (long step = 1; !done; step++) {
            for (int i = 0; i < CRASHES_PER_STEP; i++) {
                Fixture fixture = new Fixture(1);
                fixture.disk.faults().powerOffAt(fixture.disk.faults().operations() + step);
                try {
                    ImageDirectory folder = new OrderCheckedDirectory(program.apply(fixture.disk));
                    change.make(fixture, OverlayTree.filesIn(folder, IMAGE));
                    done = true;
                } catch (IOException e) {
                    assertThat(e).hasMessageContaining("no power");
                }
                fixture.disk.faults().clear();
                CrashPlan plan =
                        i == 0 ? CrashPlan.dropAll() : i == 1 ? CrashPlan.applyAll() : CrashPlan.random(random);
                crashAndGoOn(fixture, fixture.disk.crash(plan), random);
            }
        }
    }

    private static void crashAndGoOn(Fixture fixture, SimulatedDisk crashed, Random random) throws IOException {
        SimulatedDisk after = crashed;
        fixture.check(after);
        after.faults().powerOffAt(after.faults().operations() + 1 + random.nextInt(30));
        try {
            fixture.recover(after);
        } catch (IOException e) {
            assertThat(e).hasMessageContaining("no power");
        }
        after.faults().clear();
        after = after.crash(random);
        fixture.check(after);
        fixture.recover(after);
        fixture.check(after);
        fixture.checkTidy(after);
        assertThat(fixture.recover(after)).as("there is nothing left to do").isFalse();
        // And it goes on from there.
        String guid = fixture.operations().create(OverlayTree.filesIn(after, IMAGE));
        assertThat(OverlayTree.read(after, IMAGE).find(guid)).isPresent();
    }

    @ParameterizedTest
    @EnumSource(Change.class)
    void everyChangeIsOneStep(Change change) throws IOException {
        crashEverywhere(change, UnaryOperator.identity());
    }

    /** Programs with a fault each, all of which must be caught. */
    @ParameterizedTest
    @EnumSource(AttachedOverlayCrashTest.Fault.class)
    void faultyProgramsAreCaught(AttachedOverlayCrashTest.Fault fault) {
        assertThatThrownBy(() -> {
                    for (Change change : Change.values()) {
                        crashEverywhere(change, folder -> new AttachedOverlayCrashTest.Faulty(folder, fault));
                    }
                })
                .isInstanceOfAny(AssertionError.class, IOException.class);
    }
}
