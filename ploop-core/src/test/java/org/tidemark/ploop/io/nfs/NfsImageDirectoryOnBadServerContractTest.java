package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import java.util.Random;
import org.tidemark.ploop.contract.AbstractImageDirectoryContract;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.os.nfs.SimulatedNfs;

/** The same on a server that restarts and loses requests all the time: success is never taken for an error. */
class NfsImageDirectoryOnBadServerContractTest extends AbstractImageDirectoryContract {
    @Override
    protected ImageDirectory newDirectory() throws IOException {
        SimulatedTime time = new SimulatedTime();
        SimulatedNfs server = new SimulatedNfs(new Random(3), 100);
        server.delaying(SimulatedExport.SHORTEST_SETTLE_NANOS, time::nanoTime);
        return SimulatedExport.open(server, KeptMemory.ofThisProcess(), time, 2);
    }

    @Override
    protected boolean exchanges() {
        return false;
    }
}
