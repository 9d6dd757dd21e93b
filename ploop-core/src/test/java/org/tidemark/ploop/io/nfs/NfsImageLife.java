package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.nfs.NfsClient;
import org.tidemark.ploop.os.nfs.NfsHandle;
import org.tidemark.ploop.os.nfs.NfsLostException;
import org.tidemark.ploop.os.nfs.SimulatedNfs;

/** One random life of a file, all of it drawn from a seed, in simulated time. */
final class NfsImageLife {
    private static final int CELL_BYTES = 128;
    private static final int CELLS = 700;
    private static final int STEPS = 70;
    private static final int MOST_CELLS_AT_A_TIME = 170;
    private static final int HOT_CELL = 100;
    private static final String FILE = "image";
    static final Program RIGHT =
            new Program(client -> client, SimulatedExport.SETTINGS.settleTime(), memory -> memory, false);

    /** What is wrong with a program, if anything; {@code inherits} makes what a successor finds out of what was kept. */
    record Program(
            UnaryOperator<NfsClient> client,
            Duration settleTime,
            UnaryOperator<SnapshotMemory> inherits,
            boolean believesAnyConnection) {
        Program with(UnaryOperator<NfsClient> wrong) {
            return new Program(wrong, settleTime, inherits, believesAnyConnection);
        }

        Program with(Duration wrong) {
            return new Program(client, wrong, inherits, believesAnyConnection);
        }

        Program inheriting(UnaryOperator<SnapshotMemory> wrong) {
            return new Program(client, settleTime, wrong, believesAnyConnection);
        }

        Program believingAnyConnection() {
            return new Program(client, settleTime, inherits, true);
        }
    }

    /** The file is not what it must be. */
    static final class WrongBytesError extends AssertionError {
        private static final long serialVersionUID = 1L;

        WrongBytesError(String message) {
            super(message);
        }
    }

    /** The client has ended, by kill -9. */
    private static final class KilledError extends Error {
        private static final long serialVersionUID = 1L;
    }

    private final Random random;
    private final long seed;
    private final Program program;
    private final SimulatedTime time = new SimulatedTime();
    private final SimulatedNfs server;
    private final AlignedBuffer buffer = AlignedBuffer.allocate(CELLS * CELL_BYTES);

    /** For each cell all that was written to it since it was last known to be durable; the last counts. */
    private final List<List<Long>> cells = new ArrayList<>();

    private SnapshotMemory memory = new SnapshotMemory();
    private SnapshotMemory atDeath = new SnapshotMemory();
    private NfsImageDirectory directory;
    private ImageIo io;
    private int requestsUntilKill = Integer.MAX_VALUE;
    private long lastStamp;
    private int kills;

    NfsImageLife(long seed, Program program) throws IOException {
        this.seed = seed;
        this.random = new Random(seed);
        this.program = program;
        this.server = new SimulatedNfs(random, 1 + random.nextInt(30));
        server.delaying(SimulatedExport.SHORTEST_SETTLE_NANOS, time::nanoTime);
        if (random.nextBoolean() || program.believesAnyConnection()) {
            server.coarseVerifier();
        }
        if (seed % 3 == 0) {
            server.staysUp(); // So that what is late comes.
        }
        for (int i = 0; i < CELLS; i++) {
            cells.add(new ArrayList<>(List.of(0L)));
        }
        directory = openDirectory();
        io = directory.create(FILE);
        server.aroundRequests(this::countDown);
    }

    SimulatedNfs server() {
        return server;
    }

    int kills() {
        return kills;
    }

    private void countDown() {
        if (--requestsUntilKill == 0) {
            atDeath = memory.copy();
            throw new KilledError();
        }
    }

    private NfsImageDirectory openDirectory() throws IOException {
        NfsImageSettings usual = SimulatedExport.SETTINGS;
        NfsImageSettings settings = new NfsImageSettings(
                usual.connections(),
                usual.keptBytes(),
                usual.requestLimit(),
                usual.patience(),
                program.settleTime(),
                usual.lease());
        return SimulatedExport.open(this::connect, settings, memory, time, ++lastStamp + seed * 1000);
    }

    private NfsClient connect() throws IOException {
        NfsClient client = program.client().apply(server.connect());
        if (!program.believesAnyConnection()) {
            return client;
        }
        return (NfsClient) Proxy.newProxyInstance(
                NfsClient.class.getClassLoader(), new Class<?>[] {NfsClient.class}, (proxy, called, arguments) -> {
                    try {
                        return called.invoke(client, arguments);
                    } catch (InvocationTargetException e) {
                        if (e.getCause() instanceof NfsLostException
                                && called.getName().equals("commit")) {
                            return server.connect().commit((NfsHandle) arguments[0]);
                        }
                        throw e.getCause();
                    }
                });
    }

    void run() throws IOException {
        io.truncate((long) CELLS * CELL_BYTES);
        for (int step = 0; step < STEPS; step++) {
            time.sleep(Duration.ofMillis(random.nextInt(300)));
            if (random.nextInt(8) == 0) {
                requestsUntilKill = 1 + random.nextInt(12);
            }
            switch (random.nextInt(10)) {
                case 0, 1, 2, 3 -> write();
                case 4 -> writeMuch();
                case 5, 6 -> surviving(this::flush);
                case 7 -> server.restart();
                case 8 -> truncate();
                default -> surviving(() -> read(random.nextInt(CELLS), 1 + random.nextInt(MOST_CELLS_AT_A_TIME)));
            }
        }
        requestsUntilKill = Integer.MAX_VALUE;
        surviving(() -> read(0, CELLS));
        hostDies();
    }

    @FunctionalInterface
    private interface Step {
        void run() throws IOException;
    }

    /** Does a step, whole, with as many lives as it takes: the kernel asks a successor for what was not answered. */
    private void surviving(Step step) throws IOException {
        while (true) {
            try {
                if (io == null) {
                    directory = openDirectory();
                    io = directory.open(FILE, OpenMode.READ_WRITE);
                }
                if (random.nextInt(3) == 0) {
                    directory.export().connections().rotate();
                }
                step.run();
                return;
            } catch (KilledError e) {
                kills++;
                io = null;
                memory = program.inherits().apply(atDeath);
                requestsUntilKill = random.nextInt(3) == 0 ? 1 + random.nextInt(6) : Integer.MAX_VALUE;
            }
        }
    }

    private void write() throws IOException {
        writeCells(1 + random.nextInt(random.nextBoolean() ? 8 : MOST_CELLS_AT_A_TIME));
    }

    /** So much that the ring is full. */
    private void writeMuch() throws IOException {
        for (int i = 0; i < 3; i++) {
            writeCells(MOST_CELLS_AT_A_TIME);
        }
    }

    private void writeCells(int most) throws IOException {
        // Some places are written again and again, as a journal's are.
        int first = random.nextInt(2) == 0 ? HOT_CELL : random.nextInt(CELLS);
        int count = Math.min(most, CELLS - first);
        long stamp = ++lastStamp;
        for (int i = 0; i < count * CELL_BYTES; i += 8) {
            buffer.putLong(i, stamp);
        }
        // From its beginning on it may have happened.
        for (int i = first; i < first + count; i++) {
            cells.get(i).add(stamp);
        }
        surviving(() -> io.write((long) first * CELL_BYTES, buffer, 0, count * CELL_BYTES));
    }

    private void truncate() throws IOException {
        if (random.nextInt(3) != 0) {
            return;
        }
        int first = CELLS - random.nextInt(CELLS / 3);
        for (int i = first; i < CELLS; i++) {
            cells.get(i).add(0L);
        }
        surviving(() -> {
            io.truncate((long) first * CELL_BYTES);
            io.truncate((long) CELLS * CELL_BYTES);
        });
        durable();
    }

    private void flush() throws IOException {
        io.flush();
        durable();
    }

    private void durable() {
        for (List<Long> values : cells) {
            values.subList(0, values.size() - 1).clear();
        }
    }

    private void read(int first, int most) throws IOException {
        int count = Math.min(most, CELLS - first);
        io.read((long) first * CELL_BYTES, buffer, 0, count * CELL_BYTES);
        for (int i = 0; i < count; i++) {
            List<Long> values = cells.get(first + i);
            long wanted = values.get(values.size() - 1);
            for (int at = i * CELL_BYTES; at < (i + 1) * CELL_BYTES; at += 8) {
                if (buffer.getLong(at) != wanted) {
                    throw new WrongBytesError(
                            "cell " + (first + i) + " reads " + buffer.getLong(at) + ", last written was " + wanted);
                }
            }
        }
    }

    /** With all its memory; the server may be next. What is late comes still. */
    private void hostDies() throws IOException {
        if (random.nextBoolean()) {
            server.restart();
        }
        NfsClient other = null;
        while (other == null) {
            try {
                other = server.connect();
                for (int i = 0; i < 20; i++) {
                    other.attributes("/" + FILE);
                }
            } catch (IOException e) {
                other = null;
            }
        }
        server.heal();
        byte[] content = server.content("/" + FILE);
        java.nio.ByteBuffer bytes = java.nio.ByteBuffer.allocate(CELLS * CELL_BYTES)
                .put(content)
                .clear()
                .order(java.nio.ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < CELLS; i++) {
            for (int at = i * CELL_BYTES; at < (i + 1) * CELL_BYTES; at += 8) {
                if (!cells.get(i).contains(bytes.getLong(at))) {
                    throw new WrongBytesError("cell " + i + " holds " + bytes.getLong(at)
                            + ", which is neither what was" + " flushed last nor newer: " + cells.get(i));
                }
            }
        }
    }
}
