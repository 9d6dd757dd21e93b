package org.tidemark.ploop.io.vfs;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.contract.AbstractImageIoContract;
import org.tidemark.ploop.io.ImageDirectory;

class VfsImageIoContractTest extends AbstractImageIoContract {
    @TempDir
    Path folder;

    @Override
    protected ImageDirectory newDirectory() throws IOException {
        return new VfsImageDirectory(folder);
    }
}
