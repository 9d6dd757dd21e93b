package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

class LostDescriptorTest {
    private static final int KIB = 1 << 10;

    @TempDir
    private Path folder;

    @Test
    void anExpandedBaseTellsEverything() throws IOException {
        ChainFiles before = ChainFiles.create(new VfsImageDirectory(folder), "root.hds", 64L * KIB * 10, 64 * KIB);
        Files.delete(folder.resolve(DiskDescriptor.FILE_NAME));
        ChainFiles after = LostDescriptor.restore(folder, folder.resolve("root.hds"), null, 0);
        assertThat(after.descriptor().orElseThrow().geometry())
                .isEqualTo(before.descriptor().orElseThrow().geometry());
        assertThatThrownBy(() -> LostDescriptor.restore(folder, folder.resolve("root.hds"), null, 0))
                .isInstanceOf(FileAlreadyExistsException.class);
    }

    @Test
    void aRawBaseGetsTheLargestClustersThatFit() {
        assertThat(LostDescriptor.clusterBytesOf(10L << 20)).isEqualTo(1 << 20);
        assertThat(LostDescriptor.clusterBytesOf((10L << 20) + 256 * KIB)).isEqualTo(256 * KIB);
        assertThat(LostDescriptor.clusterBytesOf((10L << 20) + 32 * KIB)).isEqualTo(32 * KIB);
        assertThat(LostDescriptor.clusterBytesOf((10L << 20) + 16 * KIB)).isZero();
        assertThat(LostDescriptor.clusterBytesOf(0)).isZero();
    }

    @Test
    void whatCanBeNoBaseIsRefused() throws IOException {
        try (ImageIo io = new VfsImageDirectory(folder).create("disk.qcow2")) {
            new Qcow2Format().create(io, new DeltaGeometry(1 << 20, 64 * KIB));
        }
        refused("does not stand in a descriptor", folder.resolve("disk.qcow2"), 0);
        Files.write(folder.resolve("odd.raw"), new byte[1024]);
        refused("image resize", folder.resolve("odd.raw"), 0);
        refused("image resize", folder.resolve("odd.raw"), 64 * KIB);
        Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
        Files.write(elsewhere.resolve("root.hds"), new byte[64 * KIB]);
        refused("must lie in", elsewhere.resolve("root.hds"), 0);
        assertThat(folder.resolve(DiskDescriptor.FILE_NAME)).doesNotExist();
    }

    private void refused(String words, Path delta, int clusterBytes) {
        assertThatThrownBy(() -> LostDescriptor.restore(folder, delta, null, clusterBytes))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining(words);
    }
}
