package org.tidemark.backup.repository.pack;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.chunk.ChunkId;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.TargetException;

/**
 * Appends segments to packs and puts full packs in the background: at most two on their way while a third fills. Safe
 * for many threads. The first put that fails fails every later call with the same cause.
 */
public final class PackWriter implements AutoCloseable {
    private static final int PACKS_ON_THEIR_WAY = 2;
    private static final long STALL_SECONDS = 600;

    private final BackupTarget target;
    private final PackId repository;
    private final Clock clock;
    private final RandomGenerator random;
    private final int targetBytes;
    private final SlabPool pool;
    private final DurablePackListener listener;
    private final Semaphore slots = new Semaphore(PACKS_ON_THEIR_WAY);
    private final ThreadPoolExecutor uploads;
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private final Object lock = new Object();
    /** Guarded by lock. */
    private @Nullable PackBuilder filling;
    /** Guarded by lock. */
    private int packs;
    /** Guarded by lock. */
    private long bytes;

    /** Told when a pack is durable, by the thread that put it. */
    @FunctionalInterface
    public interface DurablePackListener {
        void durable(PackId pack, List<PackEntry> entries);
    }

    public PackWriter(
            BackupTarget target,
            PackId repository,
            Clock clock,
            RandomGenerator random,
            int targetBytes,
            SlabPool pool,
            DurablePackListener listener) {
        this.target = target;
        this.repository = repository;
        this.clock = clock;
        this.random = random;
        this.targetBytes = targetBytes;
        this.pool = pool;
        this.listener = listener;
        uploads = new ThreadPoolExecutor(
                PACKS_ON_THEIR_WAY, PACKS_ON_THEIR_WAY, 5, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
                    Thread thread = new Thread(task, "tidemark-pack-put");
                    thread.setDaemon(true);
                    return thread;
                });
        uploads.allowCoreThreadTimeOut(true);
    }

    /**
     * Adds a segment, as {@link SegmentEncoder} made it. Its place is final; it is durable only after {@link #flush}.
     */
    public SegmentRef append(ChunkId id, ByteBuffer segment) throws IOException {
        synchronized (lock) {
            throwFailure();
            if (filling != null && filling.isFull(segment.remaining(), targetBytes)) {
                putFilling(filling);
            }
            PackBuilder builder = filling;
            if (builder == null) {
                builder = new PackBuilder(repository, PackId.random(random), clock.millis(), pool);
                filling = builder;
            }
            return builder.add(id, segment);
        }
    }

    private void putFilling(PackBuilder builder) throws IOException {
        List<ByteBuffer> content = builder.seal();
        filling = null;
        packs++;
        bytes += builder.lengthBytes();
        acquire(1);
        uploads.execute(() -> {
            try {
                put(builder, content);
                listener.durable(builder.id(), builder.entries());
            } catch (IOException | RuntimeException | Error e) {
                failure.compareAndSet(null, e);
            } finally {
                builder.release();
                slots.release();
            }
        });
    }

    /**
     * A pack that is there already under its random name is ours: a layer below has put it twice. Its footer proves it.
     */
    private void put(PackBuilder builder, List<ByteBuffer> content) throws TargetException {
        try {
            target.putIfAbsent(builder.id().key(), content);
        } catch (TargetException e) {
            if (e.kind() != TargetException.Kind.CONFLICT) {
                throw e;
            }
            ByteBuffer found = ByteBuffer.allocate(PackLimits.FOOTER_BYTES);
            long sizeBytes = target.get(builder.id().key(), ByteRange.tail(PackLimits.FOOTER_BYTES), found);
            if (sizeBytes != builder.lengthBytes() || !found.flip().equals(builder.footer())) {
                throw e;
            }
        }
    }

    /** Puts what is left and waits for every pack. Everything appended is durable when it returns. */
    public void flush() throws IOException {
        synchronized (lock) {
            throwFailure();
            if (filling != null) {
                putFilling(filling);
            }
            acquire(PACKS_ON_THEIR_WAY);
            slots.release(PACKS_ON_THEIR_WAY);
            throwFailure();
        }
    }

    private void acquire(int count) throws IOException {
        try {
            if (!slots.tryAcquire(count, STALL_SECONDS, TimeUnit.SECONDS)) {
                throw new TargetException(
                        TargetException.Kind.RETRYABLE,
                        target.describe() + " did not take a pack within " + STALL_SECONDS
                                + " seconds; check it and try again");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw (IOException) new InterruptedIOException("interrupted while packs were written").initCause(e);
        }
    }

    private void throwFailure() throws IOException {
        Throwable cause = failure.get();
        if (cause instanceof TargetException e) {
            throw new TargetException(e.kind(), String.valueOf(e.getMessage()), e);
        }
        if (cause instanceof Error e) {
            throw e;
        }
        if (cause != null) {
            throw new IOException("a pack was not written to " + target.describe() + ": " + cause.getMessage(), cause);
        }
    }

    /** Packs begun so far that went, or are going, to the target. */
    public int packs() {
        synchronized (lock) {
            return packs;
        }
    }

    /** Bytes of those packs. */
    public long bytes() {
        synchronized (lock) {
            return bytes;
        }
    }

    /** Ends the writer; what was not flushed is garbage nobody names. Waits, within limits, for puts under way. */
    @Override
    public void close() {
        failure.compareAndSet(null, new IllegalStateException("the session is closed"));
        synchronized (lock) {
            if (filling != null) {
                filling.release();
                filling = null;
            }
        }
        uploads.shutdown();
        try {
            if (!uploads.awaitTermination(5, TimeUnit.SECONDS)) {
                uploads.shutdownNow();
            }
        } catch (InterruptedException e) {
            uploads.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
