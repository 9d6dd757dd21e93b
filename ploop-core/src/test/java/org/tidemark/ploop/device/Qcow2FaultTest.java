package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ImageChain;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.qcow2.Golden;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.sim.DiskModel;
import org.tidemark.ploop.sim.SimulatedDisk;

/** One operation on a qcow2 file fails, each in turn: nothing that was acknowledged is lost, nothing is counted too low. */
@Timeout(300)
final class Qcow2FaultTest {
    private static final int SIZE = 150 * 1024;
    private static final String IMAGE = "image";

    private SimulatedDisk disk = new SimulatedDisk();
    private DiskModel model = new DiskModel(SIZE);
    private final AlignedBuffer buffer = AlignedBuffer.allocate(SIZE);
    private PloopDevice device;

    private void open(OpenIntent intent) throws IOException {
        ChainFiles files = new ChainFiles(
                IMAGE, disk, List.of(new ChainFiles.Link(disk, IMAGE, Qcow2Format.ID)), Optional.empty(), 0);
        KeptState state = new KeptState();
        ImageChain chain = ImageChain.open(files, intent, PloopDevice.cursor(state));
        chain.top().markInUse();
        device = new PloopDevice(IMAGE, chain.deltas(), state, null, 4);
    }

    private void read(long offset, byte[] dst) throws IOException {
        device.read(offset, buffer, 0, dst.length);
        buffer.bytes().get(0, dst);
    }

    private interface Request {
        void run() throws IOException;
    }

    private static boolean tried(Request request) {
        try {
            request.run();
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private void scenario() throws IOException {
        Random random = new Random(3);
        for (int i = 0; i < 9; i++) {
            int offset = random.nextInt(SIZE / 512 - 40) * 512;
            byte[] data = new byte[(1 + random.nextInt(40)) * 512];
            if (i % 4 > 0) {
                random.nextBytes(data);
            }
            boolean done;
            if (i % 4 > 0) {
                buffer.bytes().put(0, data);
                done = tried(() -> device.write(offset, buffer, 0, data.length));
            } else {
                done = tried(() -> device.discard(offset, data.length));
            }
            if (done) {
                model.wrote(offset, data);
            } else {
                model.mayHaveWritten(offset, data);
            }
            if (i % 4 == 3) {
                long mark = model.flushBegins();
                if (tried(() -> device.flush())) {
                    model.flushEnded(mark);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"v2-snapshots", "v3-tiny-clusters", "v3-zlib", "v3-counts-of-1-bit"})
    void anyOperationFails(String golden) throws IOException {
        boolean more = true;
        int n = 0;
        while (more) {
            n++;
            for (int errno : new int[] {Errno.EIO, Errno.ENOSPC}) {
                disk = new SimulatedDisk();
                model = new DiskModel(SIZE);
                Golden.put(disk, golden + ".qcow2", IMAGE);
                open(OpenIntent.WRITE);
                byte[] content = new byte[SIZE];
                read(0, content);
                model.wrote(0, content);
                model.flushEnded(model.flushBegins());
                disk.faults().failNth(n, attempt -> true, errno);
                scenario();
                more = !disk.faults().pending();
                disk.faults().clear();
                model.checkVisible(this::read);
                afterwards(n);
            }
        }
        System.out.println(golden + ": " + (n - 1) + " operations failed in turn");
        assertThat(n).isGreaterThan(50);
    }

    /** The machine is started anew. */
    private void afterwards(int n) throws IOException {
        disk = disk.crash(new Random(n));
        boolean dirty;
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY)) {
            for (Finding finding : ChainCheck.run(io).findings()) {
                assertThat(finding).isInstanceOfAny(Finding.LeakedClusters.class, Finding.MarkedInUse.class);
            }
            dirty = Qcow2Header.read(io).dirty();
        }
        open(dirty ? OpenIntent.RECOVER : OpenIntent.WRITE);
        model.checkAfterCrash(this::read);
        device.detach();
    }
}
