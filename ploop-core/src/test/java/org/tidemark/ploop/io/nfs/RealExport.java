package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import java.time.Duration;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.testing.NfsServerProcess;

/** A real server, and empty folders on it. */
final class RealExport implements AutoCloseable {
    static final NfsImageSettings SETTINGS = new NfsImageSettings(
            4, 1 << 20, Duration.ofSeconds(5), Duration.ofSeconds(60), Duration.ofSeconds(2), Duration.ofSeconds(6));

    private final NfsServerProcess server;
    private final NfsImageDirectory root;
    private int folders;

    RealExport() throws IOException, InterruptedException {
        server = NfsServerProcess.start();
        root = open("/", KeptMemory.ofThisProcess());
    }

    NfsServerProcess server() {
        return server;
    }

    NfsImageDirectory open(String folder, KeptMemory memory) throws IOException {
        return NfsImageDirectory.open(server.server(), server.export().toString(), folder, SETTINGS, memory);
    }

    ImageDirectory newFolder() throws IOException {
        return root.createFolder("folder" + ++folders);
    }

    @Override
    public void close() throws IOException, InterruptedException {
        root.close();
        server.close();
    }
}
