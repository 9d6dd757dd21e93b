package org.tidemark.ploop.io.direct;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.tidemark.ploop.contract.AbstractImageIoContract;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;

/** Kernels before 6.6 have no direct I/O on tmpfs: then the exception must say so. */
class DirectOnTmpfsTest extends AbstractImageIoContract {
    private Path folder;

    @AfterEach
    void clean() throws IOException {
        if (folder != null && Files.exists(folder)) {
            try (var entries = Files.list(folder)) {
                for (Path entry : entries.toList()) {
                    Files.delete(entry);
                }
            }
            Files.delete(folder);
        }
    }

    @Override
    protected ImageDirectory newDirectory() throws IOException {
        Path tmpfs = Path.of("/dev/shm");
        Assumptions.assumeTrue(Files.isWritable(tmpfs));
        folder = Files.createTempDirectory(tmpfs, "tidemark-test");
        ImageDirectory directory = new DirectImageDirectory(folder);
        try {
            directory.create("probe").close();
        } catch (ImageException e) {
            assertThat(e.kind()).isEqualTo(ImageException.Kind.UNSUPPORTED);
            assertThat(e).hasMessageContaining("vfs");
            Assumptions.abort("no direct I/O on tmpfs here");
        }
        return directory;
    }
}
