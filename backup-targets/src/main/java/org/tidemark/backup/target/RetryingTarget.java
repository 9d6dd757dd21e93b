package org.tidemark.backup.target;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Calls again what may pass ({@link TargetException#mayPass}): with pauses that grow and are random over their whole
 * length, so that many clients do not come back at once; or after the pause that the target asked for. The only place
 * where a request is repeated.
 *
 * <p>A put that is repeated may meet itself: the first attempt happened, its answer was lost. When a repeated put
 * finds the key taken, the blob counts as ours if it has our size and its last {@value SameBlob#COMPARED_BYTES} bytes are ours,
 * which is the whole blob for everything but packs. That is proof, because every blob carries something random near its
 * end: a pack its id in the footer, a record its nonce, a repository its id. In any other case the CONFLICT is told.
 */
public final class RetryingTarget implements BackupTarget {
    private static final int MAX_DOUBLINGS = 20;
    private static final Duration LOOK = Duration.ofMillis(100);

    private final BackupTarget target;
    private final RetryPolicy policy;
    private final Pauses pauses;
    private final RandomGenerator random;
    private final BooleanSupplier cancelled;

    /**
     * A decorator.
     *
     * @param random must be safe for many threads
     * @param cancelled asked before each repetition and several times a second while pausing
     */
    public RetryingTarget(
            BackupTarget target, RetryPolicy policy, Pauses pauses, RandomGenerator random, BooleanSupplier cancelled) {
        this.target = target;
        this.policy = policy;
        this.pauses = pauses;
        this.random = random;
        this.cancelled = cancelled;
    }

    /** One attempt, told whether it is a repetition. */
    @FunctionalInterface
    private interface Attempt {
        long call(boolean again) throws TargetException;
    }

    private long call(Attempt attempt) throws TargetException {
        long start = pauses.nanoTime();
        for (int made = 1; ; made++) {
            try {
                return attempt.call(made > 1);
            } catch (VisitorException e) {
                throw e.thrown();
            } catch (TargetException e) {
                if (!e.mayPass() || made >= policy.attempts() || !pause(e, made, start)) {
                    throw e;
                }
            }
        }
    }

    /** Waits before the next attempt; false when there must be none. */
    private boolean pause(TargetException why, int made, long start) {
        long grown = policy.firstPause().toNanos() << Math.min(made - 1, MAX_DOUBLINGS);
        long bound = Math.min(policy.longestPause().toNanos(), grown);
        long pause = why.retryAfter().map(Duration::toNanos).orElseGet(() -> random.nextLong(bound + 1));
        long end = pauses.nanoTime() + pause;
        if (end - start > policy.total().toNanos()) {
            return false;
        }
        try {
            for (long rest = pause; rest > 0; rest = end - pauses.nanoTime()) {
                if (cancelled.getAsBoolean()) {
                    return false;
                }
                pauses.sleep(Duration.ofNanos(Math.min(rest, LOOK.toNanos())));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
        return !cancelled.getAsBoolean() && !Thread.currentThread().isInterrupted();
    }

    @Override
    public void putIfAbsent(String key, List<ByteBuffer> content) throws TargetException {
        call(again -> {
            try {
                target.putIfAbsent(key, content);
            } catch (TargetException e) {
                if (!again || e.kind() != TargetException.Kind.CONFLICT || !SameBlob.isThere(target, key, content)) {
                    throw e;
                }
            }
            return 0;
        });
    }

    @Override
    public long get(String key, ByteRange range, ByteBuffer dst) throws TargetException {
        int position = dst.position();
        return call(again -> target.get(key, range, dst.position(position)));
    }

    @Override
    public long stat(String key) throws TargetException {
        return call(again -> target.stat(key));
    }

    /** What a visitor threw is not the target's failure. */
    private static final class VisitorException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final TargetException thrown;

        VisitorException(TargetException thrown) {
            super(thrown);
            this.thrown = thrown;
        }

        TargetException thrown() {
            return thrown;
        }
    }

    @Override
    public void list(String prefix, BlobVisitor visitor) throws TargetException {
        @Nullable String[] last = new @Nullable String[1];
        call(again -> {
            // Listings ascend, so what was told before the failure is what is not greater.
            target.list(prefix, (key, sizeBytes) -> {
                if (last[0] == null || key.compareTo(last[0]) > 0) {
                    last[0] = key;
                    try {
                        visitor.blob(key, sizeBytes);
                    } catch (TargetException e) {
                        throw new VisitorException(e);
                    }
                }
            });
            return 0;
        });
    }

    @Override
    public void listFolders(String prefix, Consumer<String> visitor) throws TargetException {
        @Nullable String[] last = new @Nullable String[1];
        call(again -> {
            target.listFolders(prefix, name -> {
                if (last[0] == null || name.compareTo(last[0]) > 0) {
                    last[0] = name;
                    visitor.accept(name);
                }
            });
            return 0;
        });
    }

    @Override
    public TargetCapabilities capabilities() {
        return target.capabilities();
    }

    @Override
    public void validate() throws TargetException {
        call(again -> {
            target.validate();
            return 0;
        });
    }

    @Override
    public String describe() {
        return target.describe();
    }

    @Override
    public void close() {
        target.close();
    }
}
