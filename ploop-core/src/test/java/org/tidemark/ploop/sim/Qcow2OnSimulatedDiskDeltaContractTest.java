package org.tidemark.ploop.sim;

import org.tidemark.ploop.contract.AbstractDeltaContract;
import org.tidemark.ploop.format.DeltaFormat;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.io.ImageDirectory;

class Qcow2OnSimulatedDiskDeltaContractTest extends AbstractDeltaContract {
    @Override
    protected ImageDirectory newDirectory() {
        return new OrderCheckedDirectory(new SimulatedDisk());
    }

    @Override
    protected DeltaFormat newFormat() {
        return new Qcow2Format();
    }
}
