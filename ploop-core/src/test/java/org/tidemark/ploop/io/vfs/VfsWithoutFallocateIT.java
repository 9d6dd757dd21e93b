package org.tidemark.ploop.io.vfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.contract.AbstractImageIoContract;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.direct.DirectImageDirectory;
import org.tidemark.ploop.testing.Requires;

/** A file system (ramfs) that can neither punch holes nor do direct I/O: zeros are written, and direct I/O says no. */
@Requires({"root", "mount"})
class VfsWithoutFallocateIT extends AbstractImageIoContract {
    private Path folder;

    @Override
    protected ImageDirectory newDirectory() throws IOException {
        folder = Files.createTempDirectory("tidemark-ramfs");
        run("mount", "-t", "ramfs", "ramfs", folder.toString());
        return new VfsImageDirectory(folder);
    }

    @AfterEach
    void unmount() throws IOException {
        run("umount", "-l", folder.toString());
        Files.delete(folder);
    }

    private static void run(String... command) throws IOException {
        try {
            assertThat(new ProcessBuilder(command).inheritIO().start().waitFor())
                    .isZero();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    @Test
    void directIoIsRefusedAndNothingIsLeftBehind() throws IOException {
        DirectImageDirectory direct = new DirectImageDirectory(folder);
        assertThatThrownBy(() -> direct.create("direct")).isInstanceOfSatisfying(ImageException.class, e -> {
            assertThat(e.kind()).isEqualTo(ImageException.Kind.UNSUPPORTED);
            assertThat(e).hasMessageContaining("vfs");
        });
        assertThat(direct.exists("direct")).isFalse();
    }
}
