package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;
import org.tidemark.ploop.testing.Seeds;

/** Snapshots made, merged and deleted on an attached image that is written to, killed and cut off at any operation. */
@Timeout(600)
final class AttachedChainCrashTest {
    private static final int STEPS = 60;
    private static final int CONTROL_SEEDS = 400;
    private static final int FIRST_SEEDS = Integer.getInteger("firsts", 300);
    private static final int FIRST_STEPS = 14;

    @TempDir
    Path scratch;

    static LongStream seeds() {
        return Seeds.of(30);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void everyLevelHoldsWhatWasFrozen(long seed) throws Exception {
        Seeds.replayable(getClass(), seed, random -> new AttachedChainRun(
                        random, scratch, UnaryOperator.identity(), UnaryOperator.identity())
                .go(STEPS));
    }

    /** Short lives, because it happens once in each. */
    @Test
    void aSingleFileBecomesAFolderWholeOrNotAtAll() throws Exception {
        int folders = 0;
        int broken = 0;
        for (long seed = 1; seed <= FIRST_SEEDS; seed++) {
            AttachedChainRun.Start start =
                    seed % 2 == 0 ? AttachedChainRun.Start.RAW_FILE : AttachedChainRun.Start.EXPANDED_FILE;
            AttachedChainRun[] run = new AttachedChainRun[1];
            Seeds.replayable(getClass(), seed, random -> {
                run[0] = new AttachedChainRun(
                        start, random, scratch, UnaryOperator.identity(), UnaryOperator.identity());
                run[0].go(FIRST_STEPS);
            });
            folders += run[0].becameFolder() ? 1 : 0;
            broken += run[0].brokenFirsts();
        }
        System.out.println(folders + " files became folders, " + broken + " attempts were broken off");
        assertThat(folders).isGreaterThan(FIRST_SEEDS / 2);
        assertThat(broken).isGreaterThan(FIRST_SEEDS / 10);
    }

    /** The exchange of names is not made durable, or its folder is filled too late. */
    @Test
    void aFolderThatIsNotDurableIsCaught() {
        assertThatThrownBy(() -> {
                    for (long seed = 1; seed <= CONTROL_SEEDS; seed++) {
                        new AttachedChainRun(
                                        AttachedChainRun.Start.EXPANDED_FILE,
                                        new Random(seed),
                                        scratch,
                                        folder -> new BrokenFolder(folder, BrokenFolder.Fault.NO_FOLDER_SYNC),
                                        UnaryOperator.identity())
                                .go(FIRST_STEPS);
                    }
                })
                .isInstanceOfAny(AssertionError.class, IOException.class, IllegalStateException.class);
    }

    @Test
    void writersAreAtWorkDuringMerges() throws IOException {
        int writes = 0;
        int compactions = 0;
        for (long seed = 1; seed <= 20; seed++) {
            AttachedChainRun run =
                    new AttachedChainRun(new Random(seed), scratch, UnaryOperator.identity(), UnaryOperator.identity());
            run.go(STEPS);
            writes += run.writesWhileMerging();
            compactions += run.compactions();
        }
        assertThat(writes).isGreaterThan(50);
        assertThat(compactions).as("clusters moved while attached").isGreaterThan(5);
    }

    /** Programs with a fault each, all of which must be caught. */
    @ParameterizedTest
    @EnumSource(BrokenFolder.Fault.class)
    void faultyProgramsAreCaught(BrokenFolder.Fault fault) {
        Throwable caught = catchThrowable(() -> {
            for (long seed = 1; seed <= CONTROL_SEEDS; seed++) {
                new AttachedChainRun(
                                new Random(seed),
                                scratch,
                                folder -> new BrokenFolder(folder, fault),
                                UnaryOperator.identity())
                        .go(STEPS);
            }
        });
        System.out.println(fault + " is caught: " + caught);
        assertThat(caught).isInstanceOfAny(AssertionError.class, IOException.class, IllegalStateException.class);
    }

    /** The new top of a snapshot is not marked in use, or not any more. */
    @Test
    void marksClearedEarlyAreCaught() {
        assertThatThrownBy(() -> {
                    for (long seed = 1; seed <= CONTROL_SEEDS; seed++) {
                        new AttachedChainRun(
                                        new Random(seed),
                                        scratch,
                                        folder -> new ForwardingDirectory(folder, UnmarkedFile::new),
                                        UnaryOperator.identity())
                                .go(STEPS);
                    }
                })
                .isInstanceOfAny(AssertionError.class, ImageException.class)
                // Seen by the check, or by a successor that does not trust such an image.
                .hasMessageMatching("(?s).*(the mark of|is marked closed).*");
    }

    /** A file whose header never says that it is in use, unless it is the base. */
    private static final class UnmarkedFile extends ForwardingImageIo {
        private static final int MARK_AT = 44;

        UnmarkedFile(ImageIo below) {
            super(below);
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            if (position != 0 || !name().contains(".{")) {
                below.write(position, src, srcOffset, length);
                return;
            }
            AlignedBuffer changed = AlignedBuffer.allocate(length);
            changed.copyFrom(src, srcOffset, 0, length);
            changed.putInt(MARK_AT, 0);
            below.write(position, changed, 0, length);
        }
    }

    /** A successor that believes map and cursor of whatever chain. */
    @Test
    void staleMapsAreCaught() {
        assertThatThrownBy(() -> {
                    for (long seed = 1; seed <= CONTROL_SEEDS; seed++) {
                        new AttachedChainRun(new Random(seed), scratch, UnaryOperator.identity(), WithoutBinding::new)
                                .go(STEPS);
                    }
                })
                .isInstanceOfAny(AssertionError.class, IOException.class, IllegalArgumentException.class);
    }

    /** Forgets which chain it belongs to. */
    private record WithoutBinding(StateArea area) implements StateArea {
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
            if (!name.startsWith("map.")) {
                area.drop(name);
            }
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
}
