package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.tidemark.ploop.contract.AbstractImageIoContract;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.testing.Requires;

/** On a real server. */
@Requires({"root", "ganesha.nfsd", "rpcbind", "ip"})
class NfsImageIoContractIT extends AbstractImageIoContract {
    private static RealExport export;

    @BeforeAll
    static void startServer() throws Exception {
        export = new RealExport();
    }

    @AfterAll
    static void stopServer() throws Exception {
        export.close();
    }

    @Override
    protected ImageDirectory newDirectory() throws IOException {
        return export.newFolder();
    }
}
