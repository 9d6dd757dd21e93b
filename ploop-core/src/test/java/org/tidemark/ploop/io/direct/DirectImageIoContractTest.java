package org.tidemark.ploop.io.direct;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.contract.AbstractImageIoContract;
import org.tidemark.ploop.io.ImageDirectory;

class DirectImageIoContractTest extends AbstractImageIoContract {
    @TempDir
    Path folder;

    @Override
    protected ImageDirectory newDirectory() throws IOException {
        return new DirectImageDirectory(folder);
    }
}
