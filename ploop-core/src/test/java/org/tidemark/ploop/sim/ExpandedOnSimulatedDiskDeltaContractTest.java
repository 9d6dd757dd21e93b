package org.tidemark.ploop.sim;

import org.tidemark.ploop.contract.AbstractDeltaContract;
import org.tidemark.ploop.format.DeltaFormat;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.io.ImageDirectory;

class ExpandedOnSimulatedDiskDeltaContractTest extends AbstractDeltaContract {
    @Override
    protected ImageDirectory newDirectory() {
        return new OrderCheckedDirectory(new SimulatedDisk());
    }

    @Override
    protected DeltaFormat newFormat() {
        return new ExpandedFormat();
    }
}
