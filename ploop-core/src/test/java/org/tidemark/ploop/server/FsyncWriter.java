package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Appends numbered records to a file, each synced, and knows which were acknowledged and how long the slow ones took. */
public final class FsyncWriter implements AutoCloseable {
    private static final int RECORD_BYTES = 4096;
    private static final long PAUSE_NANOS = 500_000;

    private final Path file;
    private final Thread thread = new Thread(this::write, "fsync-writer");
    private volatile boolean stop;
    private volatile long acknowledged;
    private volatile long slowestNanos;
    private volatile long begunNanos;
    private volatile @Nullable IOException failure;

    public FsyncWriter(Path file) {
        this.file = file;
        thread.setDaemon(true);
        thread.start();
    }

    private void write() {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (long number = 1; !stop; number++) {
                begunNanos = System.nanoTime();
                ByteBuffer record = record(number);
                while (record.hasRemaining()) {
                    channel.write(record);
                }
                channel.force(true);
                acknowledged = number;
                slowestNanos = Math.max(slowestNanos, System.nanoTime() - begunNanos);
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        } catch (IOException e) {
            failure = e;
        }
    }

    private static ByteBuffer record(long number) {
        ByteBuffer record = ByteBuffer.allocate(RECORD_BYTES);
        while (record.hasRemaining()) {
            record.putLong(number * 31 + record.position());
        }
        return record.flip();
    }

    public long acknowledged() {
        return acknowledged;
    }

    /** The longest write since the last call, in milliseconds. */
    public long takeSlowestMillis() {
        long slowest = Math.max(slowestNanos, System.nanoTime() - begunNanos);
        slowestNanos = 0;
        return slowest / 1_000_000;
    }

    /** Ends it; throws what a write threw. */
    public long stop() throws IOException, InterruptedException {
        stop = true;
        thread.join(ServerHost.LIMIT.toMillis());
        IOException thrown = failure;
        if (thrown != null) {
            throw thrown;
        }
        if (thread.isAlive()) {
            throw new AssertionError("a write hangs since " + (System.nanoTime() - begunNanos) / 1_000_000 + " ms");
        }
        return acknowledged;
    }

    @Override
    public void close() {
        stop = true;
    }

    /** Numbers below {@code acknowledged} whose record is not in the file as it was written. */
    public static List<Long> missing(Path file, long acknowledged) throws IOException {
        List<Long> missing = new ArrayList<>();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer found = ByteBuffer.allocate(RECORD_BYTES);
            for (long number = 1; number <= acknowledged; number++) {
                found.clear();
                int read = channel.read(found, (number - 1) * RECORD_BYTES);
                if (read != RECORD_BYTES || !found.flip().equals(record(number))) {
                    missing.add(number);
                }
            }
        }
        return missing;
    }
}
