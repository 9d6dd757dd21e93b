package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import java.util.Random;
import org.tidemark.ploop.contract.AbstractImageIoContract;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.os.nfs.SimulatedNfs;

/** The same on a server that restarts and loses requests all the time. */
class NfsImageIoOnBadServerContractTest extends AbstractImageIoContract {
    @Override
    protected ImageDirectory newDirectory() throws IOException {
        SimulatedTime time = new SimulatedTime();
        SimulatedNfs server = new SimulatedNfs(new Random(2), 10);
        server.delaying(SimulatedExport.SHORTEST_SETTLE_NANOS, time::nanoTime);
        return SimulatedExport.open(server, KeptMemory.ofThisProcess(), time, 2);
    }
}
