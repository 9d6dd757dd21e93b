package org.tidemark.ploop.sim;

import org.tidemark.ploop.contract.AbstractImageDirectoryContract;
import org.tidemark.ploop.io.ImageDirectory;

class SimulatedDiskImageDirectoryContractTest extends AbstractImageDirectoryContract {
    @Override
    protected ImageDirectory newDirectory() {
        return new SimulatedDisk();
    }
}
