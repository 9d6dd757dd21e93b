package org.tidemark.ploop.format.expanded;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.contract.ChainDisk;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.device.Chains;
import org.tidemark.ploop.device.KeptState;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * Images made once by other programs and kept for ever: 4 MiB of disk, clusters of 32 KiB, made by {@code ploop init} 1.15 or
 * {@code qemu-img create} 7.2 and filled by {@code qemu-io}: 64 KiB of 11 at 0, 5 KiB of 22 at 1000 KiB, 6 KiB of 33 at the end.
 */
class ExpandedFormatTest {
    private static final int DISK = 4 << 20;

    @ParameterizedTest
    @CsvSource({"expanded-v1-ploop, 1", "expanded-v2-ploop, 2", "expanded-v2-preallocated, 2", "expanded-v2-qemu, 2"})
    void isReadWrittenAndReadAgain(String name, int version) throws IOException {
        byte[] model = new byte[DISK];
        Arrays.fill(model, 0, 64 << 10, (byte) 0x11);
        Arrays.fill(model, 1000 << 10, 1005 << 10, (byte) 0x22);
        Arrays.fill(model, 4090 << 10, DISK, (byte) 0x33);
        SimulatedDisk disk = new SimulatedDisk();
        try (InputStream packed = ExpandedFormatTest.class.getResourceAsStream("/golden/" + name + ".gz");
                ImageIo io = disk.create("d0")) {
            TestBytes.write(io, 0, new GZIPInputStream(packed).readAllBytes());
            assertThat(ExpandedFormat.readHeader(io).version().number()).isEqualTo(version);
            assertThat(ChainCheck.run(io).damaged()).isFalse();
        }
        requireContent(disk, model);
        PloopDevice device = Chains.open(disk, 1, OpenIntent.WRITE, new KeptState(), null);
        device.write(2 << 20, TestBytes.buffer(TestBytes.filled(4096, 0x44)), 0, 4096);
        device.discard(0, 32 << 10);
        device.detach();
        Arrays.fill(model, 2 << 20, (2 << 20) + 4096, (byte) 0x44);
        Arrays.fill(model, 0, 32 << 10, (byte) 0);
        requireContent(disk, model);
    }

    private static void requireContent(SimulatedDisk disk, byte[] model) throws IOException {
        try (ChainDisk chain = ChainDisk.open(ChainFiles.loneFile(disk, "d0"), OpenIntent.READ)) {
            assertThat(Arrays.mismatch(chain.read(0, DISK), model)).isEqualTo(-1);
        }
    }
}
