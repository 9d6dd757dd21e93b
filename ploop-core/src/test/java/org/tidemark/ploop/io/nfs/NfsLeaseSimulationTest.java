package org.tidemark.ploop.io.nfs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.os.nfs.NfsClient;
import org.tidemark.ploop.os.nfs.NfsLostException;
import org.tidemark.ploop.os.nfs.SimulatedNfs;
import org.tidemark.ploop.testing.Seeds;

/**
 * Hosts that want one image, on a network that separates any of them from the server at any time, processes that die, operators
 * that break locks: once a write under a later lock has reached the server, none under an earlier one does. Processes leave what they
 * wrote in kept memory, and their successors write it, but not after another host, or a command with memory of its own, has written.
 */
@Timeout(60)
class NfsLeaseSimulationTest {
    private static final int SEEDS = 12;
    private static final int SEEDS_OF_A_CONTROL = 100;
    private static final int STEPS = 200;
    private static final Duration SLICE = Duration.ofSeconds(3);
    private static final NfsImageSettings SETTINGS = new NfsImageSettings(
            2,
            64 << 10,
            Duration.ofSeconds(5),
            Duration.ofSeconds(100),
            Duration.ofSeconds(10),
            Duration.ofSeconds(60));

    /** What a wrong program does not do. */
    private enum Control {
        NONE,
        OWNER_DOES_NOT_STOP,
        OPERATOR_DOES_NOT_WAIT,
        /** What was kept is of whoever finds it. */
        SUCCESSOR_BELIEVES
    }

    /** Two wrote at once. */
    private static final class TwoWritersError extends AssertionError {
        private static final long serialVersionUID = 1L;

        TwoWritersError(String message) {
            super(message);
        }
    }

    /** What one left is written over what another wrote later. */
    private static final class StaleWriteError extends AssertionError {
        private static final long serialVersionUID = 1L;

        StaleWriteError(String message) {
            super(message);
        }
    }

    private int commands;
    private int succeeded;
    private int stale;
    private int taken;
    private int refused;
    private int broken;
    private int stopped;

    /** Everything there is, in one thread: while one host waits, the others act. */
    private final class World {
        final SimulatedTime time = new SimulatedTime();
        final SimulatedExport processes = new SimulatedExport();
        final Control control;
        final Random random;
        final SimulatedNfs server;
        final List<Host> hosts = new ArrayList<>();
        long newestWriter;
        /** Each write has a higher one. */
        long lastStamp;

        long newestStamp;

        @Nullable
        KeptMemory newestBy;

        boolean waiting;

        World(long seed, Control control) throws IOException {
            this.random = new Random(seed);
            this.control = control;
            this.server = new SimulatedNfs(random, 0);
            for (String name : List.of("a", "b", "c")) {
                hosts.add(new Host(this, name));
            }
            hosts.get(0).start();
            hosts.get(0).directory.create("image").close();
        }

        void live() throws IOException {
            for (int step = 0; step < STEPS; step++) {
                time.sleep(Duration.ofMillis(random.nextInt(6000)));
                act(hosts.get(random.nextInt(hosts.size())));
            }
        }

        void act(Host host) throws IOException {
            if (host.busy) {
                return;
            }
            host.busy = true;
            try {
                switch (random.nextInt(40)) {
                    case 0, 1, 2 -> host.separated = !host.separated;
                    case 3 -> host.dies();
                    case 4, 5 -> host.breaksLock();
                    case 6 -> host.runsCommand();
                    default -> host.works();
                }
            } finally {
                host.busy = false;
            }
        }

        void pass(Duration pause) {
            if (waiting) {
                time.sleep(pause);
                return;
            }
            waiting = true;
            try {
                for (Duration rest = pause; !rest.isNegative() && !rest.isZero(); rest = rest.minus(SLICE)) {
                    time.sleep(rest.compareTo(SLICE) < 0 ? rest : SLICE);
                    for (Host host : hosts) {
                        act(host);
                    }
                }
            } catch (IOException e) {
                throw new IllegalStateException(e);
            } finally {
                waiting = false;
            }
        }

        void wrote(Host host, KeptMemory by, long stamp) {
            if (stamp < newestStamp && by != newestBy) {
                throw new StaleWriteError(
                        "host " + host.name + " writes " + stamp + " after another process has written " + newestStamp);
            }
            newestStamp = stamp;
            newestBy = by;
        }

        void wrote(Host host, long generation) {
            if (generation < newestWriter) {
                throw new TwoWritersError("host " + host.name + " writes under lock " + generation + " after lock "
                        + newestWriter + " was written under");
            }
            newestWriter = generation;
        }
    }

    /** One host, with one process at a time. */
    private final class Host implements NfsClock {
        final World world;
        final String name;
        boolean separated;
        boolean busy;
        boolean impatient;
        long lives;
        SnapshotMemory memory = new SnapshotMemory();
        boolean attached;
        OwnerProcess process;
        NfsImageDirectory directory;
        NfsLock lock;
        ImageIo io;

        Host(World world, String name) {
            this.world = world;
            this.name = name;
        }

        @Override
        public long nanoTime() {
            // Not so slow that its patience never ends.
            return world.control == Control.OWNER_DOES_NOT_STOP ? world.time.nanoTime() / 20 : world.time.nanoTime();
        }

        @Override
        public void sleep(Duration pause) {
            // The pauses before an attempt is repeated are short.
            if (!impatient || pause.compareTo(Duration.ofSeconds(10)) < 0) {
                world.pass(pause);
            }
        }

        private NfsClient connect(KeptMemory by) throws IOException {
            if (separated) {
                throw new NfsLostException("separated");
            }
            NfsClient real = world.server.connect();
            return (NfsClient) Proxy.newProxyInstance(
                    NfsClient.class.getClassLoader(), new Class<?>[] {NfsClient.class}, (proxy, called, arguments) -> {
                        if (separated && !called.getName().equals("close")) {
                            throw new NfsLostException("separated");
                        }
                        if (called.getName().equals("write") && !(boolean) arguments[3]) {
                            world.wrote(this, lock.generation());
                            world.wrote(
                                    this,
                                    by,
                                    ((ByteBuffer) arguments[2])
                                            .duplicate()
                                            .order(ByteOrder.LITTLE_ENDIAN)
                                            .getLong(0));
                        }
                        try {
                            return called.invoke(real, arguments);
                        } catch (InvocationTargetException e) {
                            throw e.getCause();
                        }
                    });
        }

        void start() throws IOException {
            start(memory);
        }

        private void start(KeptMemory kept) throws IOException {
            process = world.processes.process(name, ++lives);
            directory = NfsImageDirectory.open(
                    "nfs://simulated/export",
                    () -> connect(kept),
                    "/",
                    SETTINGS,
                    kept,
                    this,
                    new Random(lives * 31 + name.hashCode()),
                    world.processes.seenBy(process));
        }

        void works() {
            try {
                if (directory == null) {
                    start();
                }
                if (io == null) {
                    lock = (NfsLock) directory.lock("image", true);
                    if (world.control == Control.SUCCESSOR_BELIEVES) {
                        memory.ofSeries(lock.series());
                    }
                    io = directory.open("image", OpenMode.READ_WRITE);
                    taken++;
                    succeeded += attached ? 1 : 0;
                    attached = true;
                }
                directory.export().locks().renewDue();
                write();
                if (world.random.nextInt(20) == 0) {
                    detach();
                }
            } catch (ImageException e) {
                if (e.kind() == ImageException.Kind.IN_USE) {
                    refused++;
                } else {
                    stopped++;
                    stale += String.valueOf(e.getMessage()).contains("straight") ? 1 : 0;
                    dies();
                    memory = new SnapshotMemory(); // As whoever attaches it again.
                    attached = false;
                }
            } catch (IOException e) {
                dies();
            }
        }

        private void write() throws IOException {
            AlignedBuffer buffer = AlignedBuffer.allocate(4096);
            buffer.putLong(0, ++world.lastStamp);
            io.write(0, buffer, 0, 512);
        }

        private void detach() throws IOException {
            io.flush();
            io.close();
            io = null;
            lock.close();
            attached = false;
        }

        /** Which writes, when the process before it is dead: it knows nothing of what that has left. */
        void runsCommand() {
            if (directory != null) {
                return;
            }
            try {
                start(KeptMemory.ofThisProcess());
                lock = (NfsLock) directory.lock("image", true);
                io = directory.open("image", OpenMode.READ_WRITE);
                boolean was = attached;
                write();
                detach();
                attached = was;
                commands++;
            } catch (IOException e) {
                refused++;
            } finally {
                dies();
            }
        }

        void breaksLock() {
            try {
                if (io != null) {
                    return;
                }
                if (directory == null) {
                    start();
                }
                impatient = world.control == Control.OPERATOR_DOES_NOT_WAIT;
                directory.breakLock("image");
                broken++;
            } catch (IOException e) {
                refused++;
            } finally {
                impatient = false;
            }
        }

        /** By kill -9. */
        void dies() {
            if (process != null) {
                world.processes.dies(process);
            }
            directory = null;
            io = null;
        }
    }

    @Test
    void atNoTimeDoTwoHostsWrite() throws Exception {
        for (long seed : Seeds.of(SEEDS).toArray()) {
            Seeds.replayable(getClass(), seed, random -> new World(seed, Control.NONE).live());
        }
        System.out.println("NFS leases: " + taken + " locks taken, " + refused + " refused, " + broken + " broken, "
                + stopped + " owners stopped, " + succeeded + " successors, " + stale + " of them too late, " + commands
                + " commands");
        if (System.getProperty("seed") == null) {
            assertThat(taken).isGreaterThan(5 * SEEDS);
            assertThat(refused).isGreaterThan(5 * SEEDS);
            assertThat(broken).isGreaterThan(SEEDS);
            assertThat(stopped).isGreaterThan(SEEDS / 2);
            assertThat(succeeded).isGreaterThan(SEEDS);
            assertThat(stale).isPositive();
            assertThat(commands).isPositive();
        }
    }

    private void isCaught(Control control) throws IOException {
        for (long seed = 1; seed <= SEEDS_OF_A_CONTROL; seed++) {
            try {
                new World(seed, control).live();
            } catch (TwoWritersError | StaleWriteError e) {
                System.out.println("caught by seed " + seed + ": " + e.getMessage());
                return;
            }
        }
        throw new AssertionError("two writers at once were not caught by " + SEEDS_OF_A_CONTROL + " seeds");
    }

    @Test
    void anOwnerThatDoesNotStopIsCaught() throws Exception {
        isCaught(Control.OWNER_DOES_NOT_STOP);
    }

    @Test
    void aSuccessorThatBelievesWhateverWasKeptIsCaught() throws Exception {
        isCaught(Control.SUCCESSOR_BELIEVES);
    }

    @Test
    void anOperatorThatDoesNotWaitIsCaught() throws Exception {
        isCaught(Control.OPERATOR_DOES_NOT_WAIT);
    }
}
