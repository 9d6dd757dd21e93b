package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.contract.AbstractDeltaContract;
import org.tidemark.ploop.format.DeltaFormat;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.direct.DirectImageDirectory;

class Qcow2OnDirectDeltaContractTest extends AbstractDeltaContract {
    @TempDir
    Path folder;

    @Override
    protected ImageDirectory newDirectory() throws IOException {
        return new DirectImageDirectory(folder);
    }

    @Override
    protected DeltaFormat newFormat() {
        return new Qcow2Format();
    }
}
