package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.EveryCrash;
import org.tidemark.ploop.sim.OrderCheckedDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

/**
 * The power goes off at every single operation of every change of the tree, and once more while that is being recovered: each
 * level that is named holds what it held, nothing is left over, and the change can be made.
 */
public class ChainOperationsCrashTest {
    private static final int CRASHES_PER_STEP = 1;

    /** One change of a tree {@code first <- second <- top} with a leaf beside {@code second}. */
    enum Change {
        CREATE {
            @Override
            void make(Fixture fixture, ImageDirectory folder) throws IOException {
                String guid = fixture.tree.operations().create(ChainFiles.in(folder));
                fixture.made = guid;
            }
        },
        DELETE_LEAF {
            @Override
            void make(Fixture fixture, ImageDirectory folder) throws IOException {
                fixture.tree.operations().delete(ChainFiles.in(folder), fixture.leaf);
            }
        },
        DELETE_BELOW_THE_TOP {
            @Override
            void make(Fixture fixture, ImageDirectory folder) throws IOException {
                fixture.tree.operations().delete(ChainFiles.in(folder), fixture.second);
            }
        },
        DELETE_WITH_TWO_CHILDREN_THEN_ONE {
            @Override
            void make(Fixture fixture, ImageDirectory folder) throws IOException {
                fixture.tree.operations().delete(ChainFiles.in(folder), fixture.first);
                fixture.tree.operations().delete(ChainFiles.in(folder), fixture.leaf);
            }
        },
        SWITCH {
            @Override
            void make(Fixture fixture, ImageDirectory folder) throws IOException {
                fixture.switching = true;
                fixture.tree.operations().switchTo(ChainFiles.in(folder), fixture.leaf);
            }
        },
        MERGE_ALL {
            @Override
            void make(Fixture fixture, ImageDirectory folder) throws IOException {
                fixture.tree.operations().delete(ChainFiles.in(folder), fixture.leaf);
                fixture.tree.operations().mergeAll(ChainFiles.in(folder));
            }
        };

        abstract void make(Fixture fixture, ImageDirectory folder) throws IOException;
    }

    private static final class Fixture {
        final SnapshotTree tree;
        final String first;
        final String second;
        final String leaf;
        String made = "";
        boolean switching;

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
            this(random, like, like.tree.disk.twin());
        }

        private Fixture(Random random, Fixture like, SimulatedDisk disk) {
            tree = new SnapshotTree(random, like.tree, disk);
            first = like.first;
            second = like.second;
            leaf = like.leaf;
        }

        Fixture(long seed) throws IOException {
            tree = new SnapshotTree(new Random(seed));
            tree.write();
            first = tree.snapshot();
            tree.write();
            leaf = tree.snapshot();
            tree.switchTo(first);
            tree.write();
            second = tree.snapshot();
            tree.write();
            tree.disk.sync();
        }

        Map<String, byte[]> check(SimulatedDisk after) throws IOException {
            DiskDescriptor descriptor = DiskDescriptor.read(after);
            Map<String, byte[]> expected = new HashMap<>(tree.contents);
            for (DiskDescriptor.Shot shot : descriptor.shots()) {
                if (!expected.containsKey(shot.guid())) {
                    // The snapshot that was being made.
                    assertThat(descriptor.requireShot(Guid.TOP).parentGuid()).isEqualTo(shot.guid());
                    expected.put(shot.guid(), tree.contents.get(Guid.TOP));
                }
            }
            if (switching && descriptor.requireShot(Guid.TOP).parentGuid().equals(leaf)) {
                expected.put(Guid.TOP, tree.contents.get(leaf));
            }
            SnapshotTree.check(after, expected);
            return expected;
        }
    }

    /** One change of one tree, the power going off somewhere in it, and once more while that is being recovered. */
    public static void shortly(Random random) throws IOException {
        live(random, BrokenOff.BY_POWER_CUT, UnaryOperator.identity());
    }

    /** One change of one tree, broken off somewhere. */
    public static void live(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program)
            throws IOException {
        Change change = Change.values()[random.nextInt(Change.values().length)];
        Fixture fixture = Fixture.one(random);
        brokenOff.run(
                fixture.tree.disk, random, program, folder -> change.make(fixture, new OrderCheckedDirectory(folder)));
        goOn(fixture, brokenOff.next(fixture.tree.disk, random), random);
    }

    private static void goOn(Fixture fixture, SimulatedDisk disk, Random random) throws IOException {
        SimulatedDisk after = disk;
        fixture.check(after);
        after = recoverWithAnotherCrash(fixture, after, random);
        SnapshotTree.checkTidy(after);
        Map<String, byte[]> expected = fixture.check(after);
        String guid = fixture.tree.operations().create(ChainFiles.in(after));
        expected.put(guid, expected.get(Guid.TOP));
        SnapshotTree.check(after.crash(CrashPlan.dropAll()), expected);
    }

    /** Runs the change with the power going off at each of its operations; true when it got to the end once. */
    private static void crashEverywhere(Change change, long seed, Random random, UnaryOperator<ImageDirectory> program)
            throws IOException {
        boolean done = false;
        for (long step = 1; !done; step++) {
            Fixture fixture = new Fixture(seed);
            fixture.tree.disk.faults().powerOffAt(fixture.tree.disk.faults().operations() + step);
            try {
                change.make(fixture, new OrderCheckedDirectory(program.apply(fixture.tree.disk)));
                done = true;
            } catch (IOException e) {
                assertThat(e).hasMessageContaining("no power");
            }
            fixture.tree.disk.faults().clear();
            for (int i = 0; i < CRASHES_PER_STEP; i++) {
                CrashPlan plan =
                        i == 0 ? CrashPlan.dropAll() : i == 1 ? CrashPlan.applyAll() : CrashPlan.random(random);
                goOn(fixture, fixture.tree.disk.crash(plan), random);
            }
        }
    }

    /** Every power cut in every change of one tree, with every subset of what was not durable. */
    @ParameterizedTest
    @EnumSource(
            value = Change.class,
            names = {"CREATE", "DELETE_LEAF", "DELETE_BELOW_THE_TOP", "SWITCH", "MERGE_ALL"})
    void everySubsetOfEveryCrash(Change change) throws IOException {
        Fixture made = new Fixture(1);
        long crashes = EveryCrash.of(made.tree.disk, 5, disk -> {
            Fixture fixture = new Fixture(new Random(3), made, disk);
            return new EveryCrash.Trial() {
                @Override
                public void work(ImageDirectory folder) throws IOException {
                    change.make(fixture, folder);
                }

                @Override
                public void check(SimulatedDisk after, boolean finished) throws IOException {
                    fixture.check(after);
                    fixture.tree.operations().recover(after);
                    fixture.check(after);
                    SnapshotTree.checkTidy(after);
                }
            };
        });
        System.out.println(change + ": " + crashes + " crashes");
        assertThat(crashes).isGreaterThan(25);
    }

    private static SimulatedDisk recoverWithAnotherCrash(Fixture fixture, SimulatedDisk disk, Random random)
            throws IOException {
        SimulatedDisk after = disk;
        after.faults().powerOffAt(after.faults().operations() + 1 + random.nextInt(40));
        try {
            fixture.tree.operations().recover(after);
        } catch (IOException e) {
            assertThat(e).hasMessageContaining("no power");
        }
        after.faults().clear();
        after = after.crash(random);
        fixture.check(after);
        fixture.tree.operations().recover(after);
        fixture.check(after);
        return after;
    }

    static LongStream seeds() {
        return Seeds.of(1);
    }

    @ParameterizedTest
    @EnumSource(Change.class)
    void everyChangeIsOneStep(Change change) throws Exception {
        for (long seed : seeds().toArray()) {
            Seeds.replayable(
                    getClass(), seed, random -> crashEverywhere(change, seed, random, UnaryOperator.identity()));
        }
    }

    /** Programs with a fault each, all of which must be caught. */
    @ParameterizedTest
    @EnumSource(BrokenFolder.Fault.class)
    void faultyProgramsAreCaught(BrokenFolder.Fault fault) {
        assertThatThrownBy(() -> {
                    for (Change change : Change.values()) {
                        for (long seed = 1; seed <= 3; seed++) {
                            crashEverywhere(change, seed, new Random(seed), folder -> new BrokenFolder(folder, fault));
                        }
                    }
                })
                .isInstanceOfAny(AssertionError.class, IOException.class);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void failuresOnTheWayLeaveTheTreeAsItWas(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> {
            for (Change change : Change.values()) {
                for (int i = 0; i < 30; i++) {
                    Fixture fixture = new Fixture(seed);
                    int nth = 1 + random.nextInt(90);
                    fixture.tree.disk.faults().failNth(nth, attempt -> true, org.tidemark.ploop.os.Errno.EIO);
                    try {
                        change.make(fixture, fixture.tree.disk);
                    } catch (IOException e) {
                        assertThat(e).isNotNull();
                    }
                    fixture.tree.disk.faults().clear();
                    fixture.check(fixture.tree.disk);
                    // A file whose sync failed is not touched again before the machine was started anew.
                    SimulatedDisk after = fixture.tree.disk.crash(CrashPlan.applyAll());
                    fixture.tree.operations().recover(after);
                    fixture.check(after);
                    SnapshotTree.checkTidy(after);
                }
            }
        });
    }
}
