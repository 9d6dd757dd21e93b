package org.tidemark.ploop.format.expanded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.device.Chains;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.VersionConversion.Place;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.BrokenOff;
import org.tidemark.ploop.sim.CrashPlan;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;
import org.tidemark.ploop.sim.Killed;
import org.tidemark.ploop.sim.MortalDirectory;
import org.tidemark.ploop.sim.SavedFirstDirectory;
import org.tidemark.ploop.sim.SimulatedDisk;

/** Conversion in place: a crash at any operation leaves the old image or the new one, or what says how to get back. */
public class VersionConversionCrashTest {
    private static final int CLUSTER = 32768;
    private static final int DISK = 60 * CLUSTER;

    private SimulatedDisk disk = new SimulatedDisk();
    private byte[] content = new byte[DISK];

    private void create(ExpandedVersion version, int levels) throws IOException {
        disk = new SimulatedDisk();
        content = new byte[DISK];
        Random random = new Random(3);
        for (int level = 0; level < levels; level++) {
            try (ImageIo io = disk.create("d" + level)) {
                new ExpandedFormat().create(io, new DeltaGeometry(DISK, CLUSTER), new ExpandedLayout(version, false));
            }
            disk.sync();
            PloopDevice device = Chains.open(disk, level + 1, OpenIntent.WRITE, new KeptState(), null);
            for (int i = 0; i < 12; i++) {
                int offset = random.nextInt(DISK / 512 - 8) * 512;
                byte[] bytes = TestBytes.random(random, 4096);
                device.write(offset, TestBytes.buffer(bytes), 0, 4096);
                System.arraycopy(bytes, 0, content, offset, 4096);
            }
            device.detach();
        }
    }

    private static List<Place> chain(ImageDirectory folder, int levels) {
        return levels == 1
                ? List.of(new Place(folder, "d0"))
                : List.of(new Place(folder, "d0"), new Place(folder, "d1"));
    }

    private static ExpandedVersion other(ExpandedVersion version) {
        return version == ExpandedVersion.V1 ? ExpandedVersion.V2 : ExpandedVersion.V1;
    }

    private void requireContent(SimulatedDisk where, int levels) throws IOException {
        PloopDevice device = Chains.open(where, levels, OpenIntent.READ, new KeptState(), null);
        AlignedBuffer found = AlignedBuffer.allocate(DISK);
        device.read(0, found, 0, DISK);
        device.close();
        assertThat(Arrays.equals(TestBytes.bytes(found, 0, DISK), content)).isTrue();
        for (int level = 0; level < levels; level++) {
            try (ImageIo io = where.open("d" + level, OpenMode.READ_ONLY)) {
                assertThat(ChainCheck.run(io).findings()).isEmpty();
            }
        }
    }

    private static ExpandedVersion versionOf(SimulatedDisk where, String file) throws IOException {
        try (ImageIo io = where.open(file, OpenMode.READ_ONLY)) {
            return ExpandedFormat.readHeader(io).version();
        }
    }

    @ParameterizedTest
    @EnumSource(ExpandedVersion.class)
    void theOtherVersionHasTheSameContent(ExpandedVersion version) throws IOException {
        create(version, 2);
        VersionConversion.run(chain(disk, 2), other(version));
        requireContent(disk, 2);
        assertThat(versionOf(disk, "d0")).isEqualTo(other(version));
        assertThat(versionOf(disk, "d1")).isEqualTo(other(version));
        assertThat(disk.list()).containsExactlyInAnyOrder("d0", "d1");
        VersionConversion.run(chain(disk, 2), version);
        requireContent(disk, 2);
        assertThat(versionOf(disk, "d1")).isEqualTo(version);
    }

    /** Power goes at every operation in turn; what comes next may be a second start, or going back. */
    private void survive(ExpandedVersion version, int levels, UnaryOperator<ImageDirectory> broken, int lives)
            throws IOException {
        create(version, levels);
        SimulatedDisk before = disk.crash(org.tidemark.ploop.sim.CrashPlan.applyAll());
        Random random = new Random(levels);
        boolean powered = false;
        for (int operation = 1; !powered; operation++) {
            for (int life = 0; life < lives; life++) {
                powered |= convertWithACrash(before, version, levels, operation, random, broken);
            }
        }
    }

    /** One conversion with a crash somewhere. */
    public static void shortly(Random random) throws IOException {
        live(random, BrokenOff.BY_POWER_CUT, UnaryOperator.identity());
    }

    /** One conversion, broken off somewhere. */
    public static void live(Random random, BrokenOff brokenOff, UnaryOperator<ImageDirectory> program)
            throws IOException {
        ExpandedVersion version = ExpandedVersion.values()[random.nextInt(2)];
        int levels = 1 + random.nextInt(2);
        VersionConversionCrashTest made = MADE.get(version.number() + "/" + levels);
        if (made == null) {
            made = new VersionConversionCrashTest();
            made.create(version, levels);
            MADE.put(version.number() + "/" + levels, made);
        }
        SimulatedDisk now = made.disk.twin();
        brokenOff.run(
                now,
                random,
                program,
                folder -> VersionConversion.run(chain(new SavedFirstDirectory(folder), levels), other(version)));
        made.goOn(brokenOff.next(now, random), version, levels, random);
    }

    /** Images for many lives, each with a twin of its own. */
    private static final Map<String, VersionConversionCrashTest> MADE = new ConcurrentHashMap<>();

    private boolean convertWithACrash(
            SimulatedDisk before,
            ExpandedVersion version,
            int levels,
            int operation,
            Random random,
            UnaryOperator<ImageDirectory> broken)
            throws IOException {
        boolean powered = false;
        SimulatedDisk now = before.crash(random);
        now.faults().powerOffAt(now.faults().operations() + operation);
        try {
            VersionConversion.run(chain(broken.apply(now), levels), other(version));
            powered = true;
        } catch (IOException e) {
            assertThat(e).hasMessageContaining("no power");
        }
        goOn(now.crash(random), version, levels, random);
        return powered;
    }

    private void goOn(SimulatedDisk after, ExpandedVersion version, int levels, Random random) throws IOException {
        boolean back = random.nextBoolean();
        if (back) {
            VersionConversion.goBack(chain(after, levels));
        } else {
            VersionConversion.run(chain(after, levels), other(version));
            assertThat(versionOf(after, "d0")).isEqualTo(other(version));
        }
        requireContent(after.crash(CrashPlan.dropAll()), levels);
    }

    @ParameterizedTest
    @EnumSource(ExpandedVersion.class)
    void aCrashAnywhereLosesNothing(ExpandedVersion version) throws IOException {
        survive(version, 1, SavedFirstDirectory::new, 6);
        survive(version, 2, SavedFirstDirectory::new, 6);
    }

    /** Killed anywhere, undone by whoever comes next on the same machine, and only then the power goes. */
    @ParameterizedTest
    @EnumSource(ExpandedVersion.class)
    void whatIsOnlySeenIsNotBelieved(ExpandedVersion version) throws IOException {
        create(version, 1);
        boolean finished = false;
        for (int changes = 0; !finished; changes++) {
            SimulatedDisk now = disk.twin();
            MortalDirectory mortal = new MortalDirectory(now);
            mortal.killAfter(changes);
            try {
                VersionConversion.run(chain(mortal, 1), other(version));
                finished = true;
            } catch (Killed e) {
                VersionConversion.goBack(chain(now, 1));
            }
            requireContent(now.crash(CrashPlan.dropAll()), 1);
        }
    }

    /** Negative controls of the order check: it needs no crash. */
    @Test
    void theOrderCheckNoticesWhatIsMissing() throws IOException {
        assertNoticed("how it was is not durable", folder -> withoutFlush(folder, true));
        assertNoticed("how it was is not durable", VersionConversionCrashTest::withoutSync);
        assertNoticed("before it is durably marked in use", folder -> withoutFlushOf(folder, 3));
        assertNoticed("before everything that changed in it is durable", folder -> withoutFlushOf(folder, 4));
        assertNoticed("is deleted while changes of", folder -> withoutFlushOf(folder, 5));
    }

    private void assertNoticed(String what, UnaryOperator<ImageDirectory> broken) throws IOException {
        create(ExpandedVersion.V2, 1);
        assertThatThrownBy(() -> VersionConversion.run(
                        chain(broken.apply(new SavedFirstDirectory(disk)), 1), ExpandedVersion.V1))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining(what);
    }

    private static ImageDirectory withoutSync(ImageDirectory below) {
        return new ForwardingDirectory(below, file -> file) {
            @Override
            public void sync() {
                // Forgotten.
            }
        };
    }

    /** In order: what was there before, the saved table, the mark of use, the table, the mark that the image is closed. */
    private static ImageDirectory withoutFlushOf(ImageDirectory below, int step) {
        int[] flushes = {0};
        return new ForwardingDirectory(below, file -> new ForwardingImageIo(file) {
            @Override
            public void flush() throws IOException {
                if (++flushes[0] != step) {
                    super.flush();
                }
            }
        });
    }

    /** Negative controls: each of these is caught. */
    @Test
    void theTestNoticesWhatIsMissing() {
        assertThatThrownBy(() -> survive(ExpandedVersion.V2, 1, folder -> withoutFlush(folder, true), 40))
                .as("the saved table is not durable")
                .isInstanceOfAny(AssertionError.class, IOException.class);
        assertThatThrownBy(() -> survive(ExpandedVersion.V2, 1, folder -> withoutFlush(folder, false), 40))
                .as("nothing in the image is durable before it is said to be done")
                .isInstanceOfAny(AssertionError.class, IOException.class);
    }

    private static ImageDirectory withoutFlush(ImageDirectory below, boolean saved) {
        return new ForwardingDirectory(below, file -> new ForwardingImageIo(file) {
            @Override
            public void flush() throws IOException {
                if (name().endsWith(".idx") != saved) {
                    super.flush();
                }
            }
        });
    }

    @Test
    void anInterruptedConversionRefusesToBeOpened() throws IOException {
        create(ExpandedVersion.V2, 1);
        try (ImageIo io = disk.open("d0", OpenMode.READ_WRITE)) {
            AlignedBuffer word = AlignedBuffer.allocate(4);
            word.putInt(0, ExpandedHeader.FLAG_CONVERTING);
            io.write(52, word, 0, 4);
        }
        assertThatThrownBy(() -> Chains.open(disk, 1, OpenIntent.WRITE, new KeptState(), null))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("conversion");
        assertThatThrownBy(() -> VersionConversion.run(chain(disk, 1), ExpandedVersion.V1))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("d0.idx");
    }
}
