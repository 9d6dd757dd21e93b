package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.chain.AttachedImage.Use;
import org.tidemark.ploop.contract.DeviceBytes;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.format.qcow2.Golden;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/** Clones of qcow2 images: qcow2 images that stand on them; and what they were at a snapshot. */
class OverlayCloneTest {
    @TempDir
    Path folder;

    @BeforeEach
    void unpack() throws IOException {
        Golden.put(new VfsImageDirectory(folder), "v3-zlib.qcow2", "template");
    }

    private ChainFiles files(String name) throws IOException {
        return ChainFiles.at(folder.resolve(name), VfsImageDirectory::new);
    }

    private byte[] content(String name) throws IOException {
        try (DeviceBytes disk = DeviceBytes.open(files(name), Use.READ_ONLY)) {
            return disk.read(0, 1 << 20);
        }
    }

    @Test
    void cloneAndTemplateDoNotNeedEachOther() throws Exception {
        byte[] before = content("template");
        Path other = Files.createDirectory(folder.resolve("other"));
        new ImageClone(UUID::randomUUID).make(folder.resolve("template"), Optional.empty(), other.resolve("clone"));
        assertThat(content("other/clone")).isEqualTo(before);
        try (DeviceBytes disk = DeviceBytes.open(files("other/clone"), Use.READ_WRITE)) {
            disk.write(70_144, TestBytes.filled(5000 / 512 * 512, 3));
        }
        assertThat(content("template")).isEqualTo(before);
        assertThatThrownBy(() -> ChainLocks.take(files("template"), true)).isInstanceOf(ImageException.class);
        Files.delete(folder.resolve("template"));
        System.arraycopy(TestBytes.filled(5000 / 512 * 512, 3), 0, before, 70_144, 5000 / 512 * 512);
        assertThat(content("other/clone")).isEqualTo(before);
    }

    @Test
    void whatNeedsOtherFilesIsNotCloned() throws Exception {
        ImageClone clones = new ImageClone(UUID::randomUUID);
        clones.make(folder.resolve("template"), Optional.empty(), folder.resolve("one"));
        assertThatThrownBy(() -> clones.make(folder.resolve("one"), Optional.empty(), folder.resolve("two")))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("image convert");
        assertThatThrownBy(() -> clones.make(folder.resolve("template"), Optional.empty(), folder.resolve("one")))
                .hasMessageContaining("exists already");
        assertThat(folder.resolve("two")).doesNotExist();
    }

    @Test
    void aSnapshotInsideTheFileIsRead() throws Exception {
        ImageChain then = ImageChain.openAtInternalSnapshot(files("template"), "packed");
        try (DeviceBytes disk =
                new DeviceBytes(new PloopDevice("then", then.deltas(), StateArea.inMemory(), null, 8))) {
            assertThat(disk.read(0, 1 << 20)).isNotEqualTo(content("template"));
        }
        assertThatThrownBy(() -> ImageChain.openAtInternalSnapshot(files("template"), "never"))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("packed");
    }
}
