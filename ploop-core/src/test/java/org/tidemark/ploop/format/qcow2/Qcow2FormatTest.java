package org.tidemark.ploop.format.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.contract.DeviceBytes;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/** Golden images: what qemu made years ago is read as qemu read it. */
class Qcow2FormatTest {
    @TempDir
    Path folder;

    private ImageDirectory directory;

    @BeforeEach
    void unpack() throws IOException {
        directory = new VfsImageDirectory(folder);
        for (String name : images().toList()) {
            Golden.put(directory, name + ".qcow2", name + ".qcow2");
        }
        Golden.put(directory, "v3-outside.data", "v3-outside.data");
    }

    static Stream<String> images() throws IOException {
        return Golden.contents().keySet().stream().filter(name -> !name.contains(".at-"));
    }

    private static String sha256(DeviceBytes disk) throws Exception {
        byte[] all = disk.read(0, (int) disk.device().sizeBytes());
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(all));
    }

    private ChainFiles files(String name) throws IOException {
        return ChainFiles.at(folder.resolve(name + ".qcow2"), VfsImageDirectory::new);
    }

    @ParameterizedTest
    @MethodSource("images")
    void isReadAsQemuReadIt(String name) throws Exception {
        try (DeviceBytes disk = DeviceBytes.open(files(name), Use.READ_ONLY)) {
            assertThat(sha256(disk)).isEqualTo(Golden.contents().get(name));
        }
    }

    @ParameterizedTest
    @MethodSource("images")
    void isReadTheSameWhenItIsOpenForWritingAndAfterwards(String name) throws Exception {
        for (int round = 0; round < 2; round++) {
            try (DeviceBytes disk = DeviceBytes.open(files(name), Use.RECOVER)) {
                assertThat(sha256(disk)).isEqualTo(Golden.contents().get(name));
            }
            // Bitmaps that were to record every write say nothing any more, and are known to.
            assertThat(ChainCheck.run(files(name)).findings())
                    .filteredOn(one -> !one.describe().contains("was not stored and says nothing"))
                    .isEmpty();
        }
    }

    @ParameterizedTest
    @MethodSource("images")
    void nothingIsWrongWithIt(String name) throws Exception {
        List<Finding> findings = ChainCheck.run(files(name)).findings();
        if (name.equals("v3-lazy-not-closed")) {
            assertThat(findings).hasAtLeastOneElementOfType(Finding.MarkedInUse.class);
            assertThat(findings).hasAtLeastOneElementOfType(Finding.RefcountTooLow.class);
        } else {
            assertThat(findings).isEmpty();
        }
    }

    @Test
    void snapshotsAreReadAsQemuReadThem() throws Exception {
        int seen = 0;
        for (String name : Golden.contents().keySet()) {
            int at = name.indexOf(".at-");
            if (at >= 0) {
                ImageIo io = directory.open(name.substring(0, at) + ".qcow2", OpenMode.READ_ONLY);
                Qcow2Delta delta = Qcow2Format.openSnapshot(io, (@Nullable ImageIo) null, name.substring(at + 4));
                try (DeviceBytes disk =
                        new DeviceBytes(new PloopDevice(name, List.of(delta), StateArea.inMemory(), null, 8))) {
                    assertThat(sha256(disk)).isEqualTo(Golden.contents().get(name));
                }
                seen++;
            }
        }
        assertThat(seen).isEqualTo(4);
    }

    @Test
    void snapshotsAndBitmapsAreListed() throws Exception {
        try (ImageIo io = directory.open("v2-snapshots.qcow2", OpenMode.READ_ONLY)) {
            assertThat(Snapshot.list(io, Qcow2Header.read(io)).stream().map(Snapshot::name))
                    .containsExactly("first", "second");
        }
        try (ImageIo io = directory.open("v3-bitmaps.qcow2", OpenMode.READ_ONLY)) {
            assertThat(Bitmap.list(io, Qcow2Header.read(io)).stream()
                            .map(one -> one.name() + " " + one.granularityBits() + " " + one.flags()))
                    .containsExactly("on 12 2", "off 16 0", "full 9 2");
        }
    }
}
