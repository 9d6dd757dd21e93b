package org.tidemark.backup.repository;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.index.ChunkIndex;
import org.tidemark.backup.repository.pack.PackEntry;
import org.tidemark.backup.repository.pack.PackId;
import org.tidemark.backup.repository.pack.SegmentReader;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.TargetException;

/**
 * The deduplication index of an open repository. It knows the packs of this process from the start, and all others from
 * the first time that somebody wants them. Safe for many threads.
 */
final class DedupIndex {
    /** Packs whose index is read at once, where a request takes its time. */
    private static final int READERS = 8;

    private static final int WAITING = 64;
    private static final long LIMIT_HOURS = 24;

    private final ChunkIndex index;
    /** Guarded by this for writing. */
    private volatile boolean complete;

    DedupIndex(int maxEntries) {
        index = new ChunkIndex(maxEntries);
    }

    /** What is known without asking the target. */
    ChunkIndex known() {
        return index;
    }

    /** The index of all packs; read from them, one request each, when it is asked for first. */
    ChunkIndex all(BackupTarget target, SegmentReader segments) throws IOException {
        if (!complete) {
            synchronized (this) {
                if (!complete) {
                    load(target, segments);
                    complete = true;
                }
            }
        }
        return index;
    }

    void add(PackId pack, List<PackEntry> entries) {
        index.add(pack, entries);
    }

    void forget(PackId pack) {
        index.forget(pack);
    }

    private void load(BackupTarget target, SegmentReader segments) throws IOException {
        if (segments.preferredReadBytes() == 0) {
            target.list("pack/", (key, sizeBytes) -> load(key, segments));
            return;
        }
        AtomicReference<@Nullable TargetException> failure = new AtomicReference<>();
        // Whoever lists reads one himself when enough are waiting: nothing piles up.
        ThreadPoolExecutor readers = new ThreadPoolExecutor(
                READERS,
                READERS,
                1,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(WAITING),
                task -> {
                    Thread thread = new Thread(task, "tidemark-index");
                    thread.setDaemon(true);
                    return thread;
                },
                new ThreadPoolExecutor.CallerRunsPolicy());
        try {
            target.list(
                    "pack/",
                    (key, sizeBytes) -> readers.execute(() -> {
                        try {
                            if (failure.get() == null) {
                                load(key, segments);
                            }
                        } catch (TargetException e) {
                            failure.compareAndSet(null, e);
                        }
                    }));
            readers.shutdown();
            if (!readers.awaitTermination(LIMIT_HOURS, TimeUnit.HOURS)) {
                throw new InterruptedIOException("the index was not read within " + LIMIT_HOURS + " hours");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw (IOException) new InterruptedIOException("interrupted while the index was read").initCause(e);
        } finally {
            readers.shutdownNow();
        }
        TargetException failed = failure.get();
        if (failed != null) {
            throw failed;
        }
    }

    private void load(String key, SegmentReader segments) throws TargetException {
        try {
            Optional<PackId> pack = PackId.ofKey(key);
            if (pack.isPresent()) {
                index.add(pack.get(), segments.index(pack.get()));
            }
        } catch (TargetException e) {
            throw e;
        } catch (IOException e) {
            // Damaged, newer, or not a pack: what it holds is shipped again. Deep verification is where damage is told.
        }
    }
}
