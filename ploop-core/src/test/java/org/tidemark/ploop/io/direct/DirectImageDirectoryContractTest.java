package org.tidemark.ploop.io.direct;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.contract.AbstractImageDirectoryContract;
import org.tidemark.ploop.io.ImageDirectory;

class DirectImageDirectoryContractTest extends AbstractImageDirectoryContract {
    @TempDir
    Path folder;

    @Override
    protected ImageDirectory newDirectory() throws IOException {
        return new DirectImageDirectory(folder);
    }
}
