package org.tidemark.appliance.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.tidemark.appliance.service.HostNeeds.Need;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.os.nfs.NfsConnection;

/** What may go wrong on a host later: room, the clock, time-outs of the kernel. */
final class HostChecks {
    private static final long STATE_BYTES = 1L << 30;
    private static final long RUN_BYTES = 64L << 20;
    /** A device server that was killed is back within a second; more is for a host under load. */
    private static final long LEAST_FUSE_SECONDS = 60;

    /** Autumn of 2023: a host whose clock has no battery begins long before. */
    private static final long EARLIEST_MILLIS = 1_700_000_000_000L;

    private HostChecks() {}

    static List<Need> all(Map<String, String> environment) throws IOException {
        List<Need> needs = new ArrayList<>();
        needs.add(room(
                "room in the state folder",
                environment.getOrDefault("TIDEMARK_STATE", "/var/lib/tidemark"),
                STATE_BYTES));
        needs.add(room("room in the run folder", environment.getOrDefault("TIDEMARK_RUN", "/run/tidemark"), RUN_BYTES));
        needs.add(clock());
        needs.add(new Need(
                "memory can be locked",
                Processes.hasCapability(Processes.CAP_IPC_LOCK),
                false,
                "the device server may be paged out when memory is short: give it CAP_IPC_LOCK"));
        needs.add(new Need(
                "I/O flusher",
                Processes.hasCapability(Processes.CAP_SYS_RESOURCE),
                false,
                "short of memory, the kernel may make the device server wait for I/O of its own: give it"
                        + " CAP_SYS_RESOURCE"));
        needs.add(new Need(
                "libnfs",
                NfsConnection.isInstalled(),
                false,
                "targets on NFS servers without a mount need it: apt install libnfs13"));
        fuseLimit(Path.of("/proc/sys/fs/fuse"), needs);
        return needs;
    }

    private static Need room(String what, String folder, long least) {
        Path there = Path.of(folder).toAbsolutePath();
        while (!Files.exists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        long free = there.toFile().getUsableSpace();
        return new Need(
                what,
                free >= least,
                false,
                there + " has " + Sizes.human(free) + " free; give it " + Sizes.human(least) + " or more");
    }

    private static Need clock() {
        return new Need(
                "clock",
                System.currentTimeMillis() > EARLIEST_MILLIS,
                false,
                "the clock of this host is wrong; points and policies go by it: set it, and keep it with NTP");
    }

    /** Newer kernels can abort a FUSE connection whose server takes long; that would break devices at a restart of theirs. */
    static void fuseLimit(Path settings, List<Need> needs) throws IOException {
        for (String name : List.of("default_request_timeout", "max_request_timeout")) {
            Path file = settings.resolve(name);
            if (Files.isReadable(file)) {
                long seconds = Long.parseLong(Files.readString(file).strip());
                needs.add(new Need(
                        "FUSE " + name,
                        seconds == 0 || seconds >= LEAST_FUSE_SECONDS,
                        true,
                        "the kernel gives up after " + seconds + " s: echo 0 > " + file));
            }
        }
    }
}
