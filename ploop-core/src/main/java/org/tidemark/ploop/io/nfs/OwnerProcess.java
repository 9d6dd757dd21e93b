package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.tidemark.ploop.os.HostIdentity;
import org.tidemark.ploop.os.Processes;

/**
 * A process somewhere in the world.
 *
 * @param hostId its machine
 * @param bootId which boot of that
 * @param pidNamespace whose numbers {@code pid} is one of
 * @param startTicks when it started, since boot
 */
record OwnerProcess(String hostId, String bootId, String pidNamespace, long pid, long startTicks) {
    private static final Path PID_NAMESPACE = Path.of("/proc/self/ns/pid");

    /** This process. */
    static OwnerProcess self() throws IOException {
        HostIdentity host = HostIdentity.read();
        Processes.Id self = Processes.self();
        String namespace = Files.readSymbolicLink(PID_NAMESPACE).toString();
        return new OwnerProcess(host.hostId(), host.bootId(), namespace, self.pid(), self.startTicks());
    }

    /**
     * Whether {@code viewer}, which is this process, can tell that this one has ended: only for one of the same boot of the
     * same machine that it would see. A machine with the same name that was started again may be a copy.
     */
    boolean certainlyDead(OwnerProcess viewer) {
        return hostId.equals(viewer.hostId)
                && bootId.equals(viewer.bootId)
                && pidNamespace.equals(viewer.pidNamespace)
                && new Processes.Id(pid, startTicks).certainlyEnded();
    }
}
