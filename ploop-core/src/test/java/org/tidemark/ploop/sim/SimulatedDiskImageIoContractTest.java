package org.tidemark.ploop.sim;

import org.tidemark.ploop.contract.AbstractImageIoContract;
import org.tidemark.ploop.io.ImageDirectory;

class SimulatedDiskImageIoContractTest extends AbstractImageIoContract {
    @Override
    protected ImageDirectory newDirectory() {
        return new SimulatedDisk();
    }
}
