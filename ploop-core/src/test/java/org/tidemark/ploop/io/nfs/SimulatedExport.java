package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import java.time.Duration;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.os.nfs.SimulatedNfs;

/** Opens folders of a simulated server, as processes of simulated hosts. */
final class SimulatedExport {
    /** Small, so that the ring wraps often. */
    static final NfsImageSettings SETTINGS = new NfsImageSettings(
            3, 64 << 10, Duration.ofSeconds(30), Duration.ofHours(10), Duration.ofSeconds(60), Duration.ofSeconds(60));

    /** For how long a server that answers at once may hold back a lost request. */
    static final long SHORTEST_SETTLE_NANOS = SETTINGS.settleTime().toNanos() / 30;

    private final Set<OwnerProcess> dead = ConcurrentHashMap.newKeySet();

    OwnerProcess process(String host, long pid) {
        return new OwnerProcess(host, host + "-boot", "pid:[1]", pid, 1);
    }

    void dies(OwnerProcess process) {
        dead.add(process);
    }

    OwnerProcesses seenBy(OwnerProcess self) {
        return new OwnerProcesses() {
            @Override
            public OwnerProcess self() {
                return self;
            }

            @Override
            public boolean certainlyDead(OwnerProcess process) {
                return process.hostId().equals(self.hostId()) && dead.contains(process);
            }
        };
    }

    static NfsImageDirectory open(SimulatedNfs server, KeptMemory memory, NfsClock clock, long seed)
            throws IOException {
        return open(server::connect, SETTINGS, memory, clock, seed);
    }

    static NfsImageDirectory open(
            NfsConnections.Connector connector, NfsImageSettings settings, KeptMemory memory, NfsClock clock, long seed)
            throws IOException {
        return NfsImageDirectory.open(
                "nfs://simulated/export",
                connector,
                "/",
                settings,
                memory,
                clock,
                new Random(seed),
                OwnerProcesses.REAL);
    }
}
