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
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * Images made once by other programs and kept for ever: 4 MiB of disk, clusters of 32 KiB, made by {@code ploop init} 1.15 or
 * {@code qemu-img create} 7.2 and filled by {@code qemu-io}: 64 KiB of 11 at 0, 5 KiB of 22 at 1000 KiB, 6 KiB of 33 at the end.
 */
class ExpandedFormatTest {
    private static final int DISK = 4 << 20;

    @ParameterizedTest
    @CsvSource({
        "expanded-v1-ploop, 1, 64",
        "expanded-v2-ploop, 2, 64",
        "expanded-v2-preallocated, 2, 64",
        "expanded-v2-qemu, 2, 64",
        "expanded-v1-ploop-converted, 1, 64",
        "expanded-v2-ploop-converted, 2, 64",
        "expanded-v2-63-sectors, 2, 63",
        "expanded-v2-504-sectors, 2, 504",
        "expanded-v2-96k, 2, 192"
    })
    void isReadWrittenAndReadAgain(String name, int version, int clusterSectors) throws IOException {
        byte[] model = new byte[DISK];
        Arrays.fill(model, 0, 64 << 10, (byte) 0x11);
        Arrays.fill(model, 1000 << 10, 1005 << 10, (byte) 0x22);
        Arrays.fill(model, 4090 << 10, DISK, (byte) 0x33);
        SimulatedDisk disk = new SimulatedDisk();
        put(disk, name, "d0");
        try (ImageIo io = disk.open("d0", OpenMode.READ_ONLY)) {
            assertThat(ExpandedFormat.readHeader(io).clusterSectors()).isEqualTo(clusterSectors);
            assertThat(ExpandedFormat.readHeader(io).version().number()).isEqualTo(version);
            assertThat(ChainCheck.run(io).damaged()).isFalse();
        }
        requireContent(disk, model);
        PloopDevice device = Chains.open(disk, 1, OpenIntent.WRITE, new KeptState(), null);
        device.write(2 << 20, TestBytes.buffer(TestBytes.filled(4096, 0x44)), 0, 4096);
        device.discard(0, clusterSectors * 512L);
        device.detach();
        Arrays.fill(model, 2 << 20, (2 << 20) + 4096, (byte) 0x44);
        Arrays.fill(model, 0, clusterSectors * 512, (byte) 0);
        requireContent(disk, model);
    }

    /**
     * A base with 64 KiB of 11 at 0 and 40 KiB of 77 at 1000 KiB, and what {@code ploop snapshot} put over it, with 5 KiB of
     * 22 at 1000 KiB and 6 KiB of 33 at the end.
     */
    @ParameterizedTest
    @CsvSource({"expanded-v1-ploop-chain", "expanded-v2-ploop-chain"})
    void aChainIsReadAsOne(String name) throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        put(disk, name + "-base", "d0");
        put(disk, name + "-top", "d1");
        byte[] model = new byte[DISK];
        Arrays.fill(model, 0, 64 << 10, (byte) 0x11);
        Arrays.fill(model, 1000 << 10, 1040 << 10, (byte) 0x77);
        requireContent(disk, model);
        PloopDevice chain = Chains.open(disk, 2, OpenIntent.READ, new KeptState(), null);
        AlignedBuffer found = AlignedBuffer.allocate(DISK);
        chain.read(0, found, 0, DISK);
        // The program that filled the top knew nothing of the base: what it wrote stands in clusters of zeros.
        Arrays.fill(model, 992 << 10, 1024 << 10, (byte) 0);
        Arrays.fill(model, 1000 << 10, 1005 << 10, (byte) 0x22);
        Arrays.fill(model, 4090 << 10, DISK, (byte) 0x33);
        assertThat(Arrays.mismatch(TestBytes.bytes(found, 0, DISK), model)).isEqualTo(-1);
        chain.close();
    }

    private static void put(SimulatedDisk disk, String name, String as) throws IOException {
        try (InputStream packed = ExpandedFormatTest.class.getResourceAsStream("/golden/" + name + ".gz");
                ImageIo io = disk.create(as)) {
            TestBytes.write(io, 0, new GZIPInputStream(packed).readAllBytes());
        }
        disk.sync();
    }

    private static void requireContent(SimulatedDisk disk, byte[] model) throws IOException {
        try (ChainDisk chain = ChainDisk.open(ChainFiles.loneFile(disk, "d0"), OpenIntent.READ)) {
            assertThat(Arrays.mismatch(chain.read(0, DISK), model)).isEqualTo(-1);
        }
    }
}
