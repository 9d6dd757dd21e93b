package org.tidemark.ploop.sim;

import org.tidemark.ploop.contract.AbstractDeltaContract;
import org.tidemark.ploop.format.DeltaFormat;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.ImageDirectory;

class RawOnSimulatedDiskDeltaContractTest extends AbstractDeltaContract {
    @Override
    protected ImageDirectory newDirectory() {
        return new SimulatedDisk();
    }

    @Override
    protected DeltaFormat newFormat() {
        return new RawFormat();
    }
}
