package org.tidemark.ploop.server;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * Puts another device server in the place of the running one, on purpose, under its devices: containers see a pause.
 *
 * <p>The new one is asked first whether it starts, and whether it reads the state that the running one leaves. Then the
 * running one ends, exactly as if it had been killed, and the holder starts the new one. Should that end as soon as it
 * starts, three times, the holder goes back to what it started before. The holder itself stays; it changes hardly ever, and
 * one that dies is replaced by a new one.
 */
public final class ServerUpgrade {
    private static final Duration PROBE_LIMIT = Duration.ofSeconds(30);
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);
    private static final long LOOK_EVERY_NANOS = 2_000_000;

    private ServerUpgrade() {}

    /**
     * What was done.
     *
     * @param pauseMillis from the request to end until every device was served again
     */
    public record Done(
            long oldPid,
            long newPid,
            long oldProtocol,
            long newProtocol,
            long generation,
            int devices,
            long pauseMillis) {}

    /**
     * Upgrades to {@code next}. Returns when every device is being served by it.
     *
     * @param interrupt goes on although backups or changes of snapshots end early by it
     * @param limit for the devices to be served again
     * @throws ControlException DISCONNECTED when none runs; BUSY when something is under way that would end early; PROTOCOL
     *     when the new one cannot read the running one's state; FAILED when it does not start: then the old one serves, or
     *     serves again
     */
    public static Done run(RunFolder run, ServerCommand next, boolean interrupt, Duration limit) throws IOException {
        Running running = requirePossible(run, next, interrupt);
        next.choose(run);
        long begin = System.nanoTime();
        try (ControlClient client = ControlClient.connect(run, CONNECT_LIMIT)) {
            client.request("restart", Fields.NONE, CONNECT_LIMIT);
        }
        return awaitNext(run, running.status(), running.protocol(), begin, limit);
    }

    /** What the running one says of itself. */
    public record Running(Fields status, long protocol) {}

    /** Changes nothing; throws what {@link #run} would throw before it has changed anything. */
    public static Running requirePossible(RunFolder run, ServerCommand next, boolean interrupt) throws IOException {
        Fields before;
        long oldProtocol;
        try (ControlClient client = ControlClient.connect(run, CONNECT_LIMIT)) {
            before = client.status();
            oldProtocol = client.greeting().number("protocol");
            List<String> underWay = before.texts("underWay");
            if (!underWay.isEmpty() && !interrupt) {
                throw new ControlException(
                        ControlException.Kind.BUSY,
                        String.join(", ", underWay) + "; they would end early: wait for them, or say that they may");
            }
        }
        requireAble(next.probe(run, PROBE_LIMIT), before);
        return new Running(before, oldProtocol);
    }

    private static void requireAble(Fields able, Fields running) throws IOException {
        // A server from before state had a version left version 1.
        long left = running.number("stateVersion", 1);
        if (able.number("stateVersion") < left) {
            throw new ControlException(
                    ControlException.Kind.PROTOCOL,
                    "the new device server reads state of version " + able.number("stateVersion")
                            + ", the running one leaves version " + left + "; detach all devices before going back");
        }
    }

    private static Done awaitNext(RunFolder run, Fields before, long oldProtocol, long begin, Duration limit)
            throws IOException {
        long generation = before.number("generation");
        String last = "";
        while (System.nanoTime() - begin < limit.toNanos()) {
            try (ControlClient client = ControlClient.connect(run, CONNECT_LIMIT)) {
                Fields now = client.status();
                List<ControlClient.AttachedDevice> devices = client.devices();
                boolean served = devices.stream().noneMatch(one -> one.state().equals("STARTING"));
                if (now.number("generation") > generation && served) {
                    long pauseMillis = (System.nanoTime() - begin) / 1_000_000;
                    if (ServerCommand.rejected(run)) {
                        throw new ControlException(
                                ControlException.Kind.FAILED,
                                "the new device server did not live; the one before serves again, see "
                                        + run.logs().resolve("device-server.out"));
                    }
                    return new Done(
                            before.number("pid"),
                            now.number("pid"),
                            oldProtocol,
                            client.greeting().number("protocol"),
                            now.number("generation"),
                            devices.size(),
                            pauseMillis);
                }
            } catch (ControlException e) {
                if (e.kind() != ControlException.Kind.DISCONNECTED && e.kind() != ControlException.Kind.TIME_OUT) {
                    throw e;
                }
                last = String.valueOf(e.getMessage());
            }
            LockSupport.parkNanos(LOOK_EVERY_NANOS);
        }
        throw new ControlException(
                ControlException.Kind.TIME_OUT, "not every device is served again within " + limit + ": " + last);
    }
}
