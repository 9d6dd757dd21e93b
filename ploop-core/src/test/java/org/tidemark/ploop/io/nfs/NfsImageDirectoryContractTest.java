package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import java.util.Random;
import org.tidemark.ploop.contract.AbstractImageDirectoryContract;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.os.nfs.SimulatedNfs;

class NfsImageDirectoryContractTest extends AbstractImageDirectoryContract {
    @Override
    protected ImageDirectory newDirectory() throws IOException {
        return SimulatedExport.open(
                new SimulatedNfs(new Random(1), 0), KeptMemory.ofThisProcess(), new SimulatedTime(), 1);
    }

    @Override
    protected boolean exchanges() {
        return false;
    }
}
