package org.tidemark.backup.target.nfs;

import java.io.IOException;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.ploop.os.JavaCommand;
import org.tidemark.ploop.os.nfs.NfsLocation;
import org.tidemark.ploop.testing.NfsServerProcess;

/** Targets on a real NFS server, which all tests of a JVM share; each takes folders of its own. */
public final class NfsFolders {
    /** For {@code @Requires}. */
    public static final String SERVER = "ganesha.nfsd";

    public static final String PORT_MAPPER = "rpcbind";

    private static final AtomicInteger NAMES = new AtomicInteger();
    private static NfsServerProcess shared;

    private NfsFolders() {}

    /** Started when it is asked for first, ended with the JVM. */
    public static synchronized NfsServerProcess server() throws IOException, InterruptedException {
        if (shared == null) {
            NfsServerProcess server = NfsServerProcess.start();
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    server.close();
                } catch (IOException | InterruptedException e) {
                    System.err.println("the NFS server was not stopped: " + e.getMessage());
                }
            }));
            shared = server;
        }
        return shared;
    }

    /** A folder that is not there yet. */
    public static NfsLocation newFolder(NfsServerProcess server) {
        return NfsLocation.parse("nfs://" + server.address() + server.export() + "/" + NAMES.incrementAndGet());
    }

    /** With libnfs in this process: what the child does, without the child. */
    public static BackupTarget newTarget() throws Exception {
        return inThisProcess(newFolder(server()), true, Duration.ofSeconds(10));
    }

    static NfsFolder inThisProcess(NfsLocation location, boolean create, Duration patience) throws Exception {
        return NfsFolder.open(
                location,
                create,
                NfsTargetProcess.CONNECTIONS,
                NfsSession.of(location, patience),
                new Random(System.nanoTime()));
    }

    /** With a child process, as the appliance has it. */
    static NfsTarget newProcess(NfsServerProcess server, Duration patience) throws Exception {
        return NfsTarget.create(newFolder(server), JavaCommand.ofThisJava(), patience);
    }
}
