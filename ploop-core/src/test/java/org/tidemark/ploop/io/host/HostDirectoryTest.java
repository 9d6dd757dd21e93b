package org.tidemark.ploop.io.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/** What cannot be found out is not taken for absent. */
class HostDirectoryTest {
    @TempDir
    Path folder;

    /** Every look into it fails, as with a stale handle. */
    private Path unreadable() throws IOException {
        Path path = folder.resolve("loop");
        Files.deleteIfExists(path);
        return Files.createSymbolicLink(path, path);
    }

    @Test
    void anErrorIsNoAbsence() throws Exception {
        ImageDirectory directory = new VfsImageDirectory(Files.createDirectory(folder.resolve("loop")));
        assertThat(directory.exists("file")).isFalse();
        assertThat(directory.hasFolder("file")).isFalse();
        unreadable();
        assertThatExceptionOfType(FileSystemException.class)
                .isThrownBy(() -> directory.exists("file"))
                .isNotInstanceOf(NoSuchFileException.class);
        assertThatExceptionOfType(FileSystemException.class).isThrownBy(() -> directory.hasFolder("file"));
        assertThatExceptionOfType(FileSystemException.class)
                .isThrownBy(() -> new VfsImageDirectory(folder.resolve("loop")))
                .isNotInstanceOf(NoSuchFileException.class);
    }

    @Test
    void nothingHasANameThatIsTooLong() throws Exception {
        ImageDirectory directory = new VfsImageDirectory(folder);
        assertThat(directory.exists("n".repeat(300))).isFalse();
        assertThat(directory.hasFolder("n".repeat(300))).isFalse();
    }

    @Test
    void anImageThatCannotBeLookedAtIsSaid() throws Exception {
        assertThatThrownBy(() -> files(unreadable().resolve("image")))
                .hasMessageContaining("check the name and the mount");
        assertThatThrownBy(() -> files(folder.resolve("n".repeat(300))))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("too long");
        assertThatThrownBy(() -> files(folder.resolve("none"))).isInstanceOf(NoSuchFileException.class);
        Path file = Files.createFile(folder.resolve("file"));
        assertThatThrownBy(() -> files(file.resolve("image"))).isInstanceOf(NoSuchFileException.class);
    }

    private static ChainFiles files(Path image) throws IOException {
        return ChainFiles.at(image, VfsImageDirectory::new);
    }
}
