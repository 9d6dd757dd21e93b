package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tidemark.ploop.io.nfs.NfsConnections.Gate;
import org.tidemark.ploop.os.nfs.NfsEntry;

/**
 * Names of hidden files that are used once: of files in progress, and of files that are open and deleted. They say which process
 * made them, so that what is left of one that was killed is found. Safe for several threads.
 *
 * <pre>
 * .tidemark-nfs-KIND-HOST-BOOT-NAMESPACE-PID-START-RANDOM      numbers, hexadecimal
 * </pre>
 */
final class OwnNames {
    /** A file that gets its name when it is complete. */
    static final String NEW = NfsExport.OWN + "new-";
    /** A file that is open and has no other name any more. */
    static final String GONE = NfsExport.OWN + "gone-";

    private static final Pattern NAME = Pattern.compile(Pattern.quote(NfsExport.OWN)
            + "(?:new|gone)-([0-9a-f]+)-([0-9a-f]+)-([0-9a-f]+)-([0-9a-f]{1,15})-([0-9a-f]{1,15})-[0-9a-f]+");

    private final NfsExport export;
    private final OwnerProcesses processes;
    private final RandomGenerator random;
    /** Guarded by this. */
    private final Set<String> swept = new HashSet<>();

    OwnNames(NfsExport export, OwnerProcesses processes, RandomGenerator random) {
        this.export = export;
        this.processes = processes;
        this.random = random;
    }

    /** A name of this process. */
    String fresh(String folder, String kind) throws IOException {
        OwnerProcess self = processes.self();
        return NfsExport.join(
                folder,
                kind + word(self.hostId()) + "-" + word(self.bootId()) + "-" + word(self.pidNamespace()) + "-"
                        + Long.toHexString(self.pid()) + "-" + Long.toHexString(self.startTicks()) + "-"
                        + Long.toHexString(random.nextLong()));
    }

    private static String word(String text) {
        return Integer.toHexString(text.hashCode());
    }

    /** Removes from a folder what processes of this host have left that have ended. Once, and what cannot be removed stays. */
    void sweep(String folder) {
        synchronized (this) {
            if (!swept.add(folder)) {
                return;
            }
        }
        try {
            for (NfsEntry entry : export.connections()
                    .call(Gate.OPEN, (link, again) -> link.client().list(folder))) {
                if (isLeft(entry.name())) {
                    export.removeOwn(NfsExport.join(folder, entry.name()));
                }
            }
        } catch (IOException e) {
            // Whoever comes next finds it.
        }
    }

    private boolean isLeft(String name) throws IOException {
        Matcher parts = NAME.matcher(name);
        OwnerProcess self = processes.self();
        // Of another boot it may be a copy of this machine, which lives.
        return parts.matches()
                && parts.group(1).equals(word(self.hostId()))
                && parts.group(2).equals(word(self.bootId()))
                && parts.group(3).equals(word(self.pidNamespace()))
                && processes.certainlyDead(new OwnerProcess(
                        self.hostId(),
                        self.bootId(),
                        self.pidNamespace(),
                        Long.parseLong(parts.group(4), 16),
                        Long.parseLong(parts.group(5), 16)));
    }
}
