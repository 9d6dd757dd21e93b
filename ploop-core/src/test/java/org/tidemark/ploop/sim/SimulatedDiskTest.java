package org.tidemark.ploop.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;

/** The simulation must be able to lose everything that a real machine can lose, and nothing else. */
class SimulatedDiskTest {
    private final SimulatedDisk disk = new SimulatedDisk();

    private static byte[] read(SimulatedDisk disk, String name, int length) throws IOException {
        try (ImageIo io = disk.open(name, OpenMode.READ_ONLY)) {
            return TestBytes.read(io, 0, length);
        }
    }

    private ImageIo durableFile(String name, int fill) throws IOException {
        ImageIo io = disk.create(name);
        TestBytes.write(io, 0, TestBytes.filled(4096, fill));
        io.flush();
        disk.sync();
        return io;
    }

    @Test
    void namesAndBytesAreLostApart() throws IOException {
        ImageIo io = disk.create("a");
        TestBytes.write(io, 0, TestBytes.filled(512, 1));
        io.flush();
        assertThat(disk.crash(CrashPlan.dropAll()).list()).as("name not synced").isEmpty();
        disk.sync();
        TestBytes.write(io, 0, TestBytes.filled(512, 2));
        assertThat(read(disk, "a", 512)).containsOnly(2);
        assertThat(read(disk.crash(CrashPlan.dropAll()), "a", 512)).containsOnly(1);
        assertThat(read(disk.crash(CrashPlan.applyAll()), "a", 512)).containsOnly(2);
    }

    @Test
    void flushOfOneFileSaysNothingAboutAnother() throws IOException {
        ImageIo first = durableFile("a", 1);
        ImageIo second = durableFile("b", 1);
        TestBytes.write(first, 0, TestBytes.filled(4096, 2));
        TestBytes.write(second, 0, TestBytes.filled(4096, 2));
        second.flush();
        SimulatedDisk after = disk.crash(CrashPlan.dropAll());
        assertThat(read(after, "a", 4096)).containsOnly(1);
        assertThat(read(after, "b", 4096)).containsOnly(2);
    }

    @Test
    void writesAreLostInAnyOrderAndTornAtSectors() throws IOException {
        ImageIo io = durableFile("a", 0);
        TestBytes.write(io, 0, TestBytes.filled(1024, 1));
        TestBytes.write(io, 512, TestBytes.filled(1024, 2));
        Set<String> seen = new HashSet<>();
        Random random = new Random(5);
        for (int i = 0; i < 2000; i++) {
            byte[] bytes = read(disk.crash(random), "a", 2048);
            for (int sector = 0; sector < 4; sector++) {
                assertThat(java.util.Arrays.copyOfRange(bytes, sector * 512, sector * 512 + 512))
                        .containsOnly(bytes[sector * 512]);
            }
            seen.add("" + bytes[0] + bytes[512] + bytes[1024]);
        }
        assertThat(seen).contains("000", "110", "122", "022", "010", "102", "020", "012");
    }

    @Test
    void theSizeMayArriveBeforeTheData() throws IOException {
        ImageIo io = durableFile("a", 1);
        TestBytes.write(io, 4096, TestBytes.filled(4096, 2));
        SimulatedDisk after = disk.crash(CrashPlan.of(CrashPlan.Fate.GARBAGE, new Random(1)));
        byte[] bytes = read(after, "a", 8192);
        assertThat(java.util.Arrays.copyOf(bytes, 4096)).containsOnly(1);
        assertThat(java.util.Arrays.copyOfRange(bytes, 4096, 8192)).isNotEqualTo(TestBytes.filled(4096, 2));
        try (ImageIo file = after.open("a", OpenMode.READ_ONLY)) {
            assertThat(file.size()).isEqualTo(8192);
        }
    }

    @Test
    void aRenameIsTheOldFileOrTheNewOne() throws IOException {
        durableFile("a", 1);
        ImageIo fresh = disk.create("a.tmp");
        TestBytes.write(fresh, 0, TestBytes.filled(4096, 2));
        fresh.flush();
        disk.rename("a.tmp", "a");
        Set<Byte> seen = new HashSet<>();
        Random random = new Random(3);
        for (int i = 0; i < 200; i++) {
            seen.add(read(disk.crash(random), "a", 4096)[0]);
        }
        assertThat(seen).containsExactlyInAnyOrder((byte) 1, (byte) 2);
        disk.sync();
        assertThat(read(disk.crash(CrashPlan.dropAll()), "a", 4096)).containsOnly(2);
    }

    @Test
    void aFailedFlushLosesItsDataAndMakesTheFileSuspect() throws IOException {
        ImageIo io = durableFile("a", 1);
        TestBytes.write(io, 0, TestBytes.filled(4096, 2));
        disk.faults().failNth(1, attempt -> attempt.kind() == FaultPlan.Kind.FLUSH, Errno.EIO);
        assertThatThrownBy(io::flush).isInstanceOfSatisfying(OsException.class, e -> assertThat(e.errno())
                .isEqualTo(Errno.EIO));
        assertThat(read(disk, "a", 4096)).as("still visible").containsOnly(2);
        assertThat(read(disk.crash(CrashPlan.applyAll()), "a", 4096))
                .as("and lost")
                .containsOnly(1);
        assertThatThrownBy(io::flush).isInstanceOfSatisfying(ImageException.class, e -> assertThat(e.kind())
                .isEqualTo(ImageException.Kind.SUSPECT));
    }

    @Test
    void spaceRunsOut() throws IOException {
        ImageIo io = durableFile("a", 1);
        disk.limitBytes(8192);
        TestBytes.write(io, 4096, new byte[4096]);
        assertThatThrownBy(() -> TestBytes.write(io, 8192, new byte[1]))
                .isInstanceOfSatisfying(
                        OsException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOSPC));
        io.punchHole(0, 4096);
        TestBytes.write(io, 8192, new byte[1]);
    }

    @Test
    void powerGoesOffAtAnyOperation() throws IOException {
        ImageIo io = durableFile("a", 1);
        disk.faults().powerOffAt(disk.faults().operations() + 2);
        TestBytes.write(io, 0, TestBytes.filled(512, 2));
        assertThatThrownBy(() -> TestBytes.write(io, 0, new byte[512])).isInstanceOf(FaultPlan.PowerOffException.class);
        assertThatThrownBy(io::flush).isInstanceOf(FaultPlan.PowerOffException.class);
        assertThat(read(disk.crash(CrashPlan.applyAll()), "a", 512)).containsOnly(2);
    }

    @Test
    void theModelKnowsWhatIsLegal() throws IOException {
        DiskModel model = new DiskModel(2048);
        model.wrote(0, TestBytes.filled(512, 1));
        long mark = model.flushBegins();
        model.wrote(0, TestBytes.filled(512, 2));
        model.flushEnded(mark);
        model.mayHaveWritten(0, TestBytes.filled(512, 3));
        model.checkVisible(diskOf(2));
        model.checkVisible(diskOf(3));
        assertThatThrownBy(() -> model.checkVisible(diskOf(1))).isInstanceOf(AssertionError.class);
        assertThatThrownBy(() -> model.checkAfterCrash(diskOf(0))).isInstanceOf(AssertionError.class);
        model.checkAfterCrash(diskOf(1));
        assertThatThrownBy(() -> model.checkVisible(diskOf(2))).isInstanceOf(AssertionError.class);
    }

    private static DiskModel.Reader diskOf(int firstSector) {
        return (offset, dst) -> java.util.Arrays.fill(dst, 0, 512, (byte) firstSector);
    }
}
