package org.tidemark.ploop.migrate;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.tidemark.ploop.device.tracker.ImageRange;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;

/**
 * Copies a file while it is written to: everything; then, again and again, what changed meanwhile; then, while nobody writes, the
 * rest. See the package for the order. Changes must be tracked already when it begins.
 *
 * <p>It stops going round when what is left could be sent within the pause that is wished for, when a round left nearly as much as
 * it had found (copying does not keep up with the writers; then they can be throttled first), or when a limit is reached. On any
 * failure the source just goes on.
 */
public final class LiveCopy {
    private static final int PIECE_BYTES = 1 << 20;
    /** How much counts as unchanged before it is read, in the first round. */
    private static final long WINDOW_BYTES = 16L << 20;

    /** A round that leaves more than this part of what it had found gains nothing. */
    private static final double NOT_SHRINKING = 0.9;

    private static final int BLOCK_BYTES = 4096;
    private static final int HEADER_BYTES = 512;
    private static final int USE_MARK_AT = 44;
    /** How often what changed may be asked for in the pause, in which nothing changes. */
    private static final int MAX_LAST_ROUNDS = 2;

    private static final long TELL_NANOS = 100_000_000L;

    private final CopySource source;
    private final CopySink sink;
    private final CopyLimits limits;
    private final CopyProgress progress;
    private final AlignedBuffer piece = AlignedBuffer.allocate(PIECE_BYTES);
    private final long begunNanos = System.nanoTime();
    private final List<Round> rounds = new ArrayList<>();
    private long sizeBytes;
    private long readBytes;
    private long toldNanos;
    private boolean limited = true;
    private boolean converged;
    private long throttledTo;

    /**
     * One round.
     *
     * @param foundBytes what there was to copy when it began
     * @param copiedBytes what it copied
     */
    public record Round(long foundBytes, long copiedBytes, long nanos) {}

    /**
     * A copy that is whole.
     *
     * @param rounds the first one of the whole file, the last one in the pause
     * @param sizeBytes of the file
     * @param readBytes what was read of it, over all rounds
     * @param converged whether the rounds ended because little enough was left
     */
    public record Outcome(
            List<Round> rounds,
            long sizeBytes,
            long readBytes,
            long sentBytes,
            CopySource.Pause pause,
            boolean converged) {}

    public LiveCopy(CopySource source, CopySink sink, CopyLimits limits, CopyProgress progress) {
        this.source = source;
        this.sink = sink;
        this.limits = limits;
        this.progress = progress;
    }

    /**
     * Runs all of it.
     *
     * @throws InterruptedIOException when {@code progress} does not want it any more
     */
    public Outcome run() throws IOException {
        copyLive();
        return finish();
    }

    /**
     * The first part: everything, and what changed, until little enough is left or a limit is reached.
     *
     * @throws InterruptedIOException when {@code progress} does not want it any more
     */
    public void copyLive() throws IOException {
        try {
            copyWhole();
            converged = goRound();
            sink.sync();
        } finally {
            if (throttledTo > 0) {
                source.throttle(0);
            }
        }
    }

    /** The second part, after the first: pauses, copies the rest; whole and durable there on return. */
    public Outcome finish() throws IOException {
        limited = false;
        sink.beginPause();
        CopySource.Pause pause = source.paused(this::copyRest);
        return new Outcome(List.copyOf(rounds), sizeBytes, readBytes, sink.sentBytes(), pause, converged);
    }

    private void copyWhole() throws IOException {
        long begun = System.nanoTime();
        long before = readBytes;
        sizeBytes = source.sizeBytes();
        for (long at = 0; at < sizeBytes; at += WINDOW_BYTES) {
            long length = Math.min(WINDOW_BYTES, sizeBytes - at);
            source.clear(new ImageRange(at, length));
            source.file().dataExtents(at, length, this::copy);
            tell(0, at + length, sizeBytes);
        }
        // Whoever only hears of data has to learn how long the file is.
        copyEnd();
        rounds.add(new Round(sizeBytes, readBytes - before, System.nanoTime() - begun));
    }

    private void copyEnd() throws IOException {
        if (sizeBytes > 0) {
            long from = (sizeBytes - 1) & -BLOCK_BYTES;
            copy(from, sizeBytes - from);
        }
    }

    /** Whether little enough is left. */
    private boolean goRound() throws IOException {
        for (int round = 1; ; round++) {
            long found = source.waitingBytes();
            if (found <= bytesWithin(limits.pause())) {
                return true;
            }
            if (round > limits.maxRounds()
                    || System.nanoTime() - begunNanos > limits.maxTime().toNanos()) {
                return false;
            }
            copyChanged(round, found);
            if (source.waitingBytes() > found * NOT_SHRINKING) {
                if (!limits.throttle()) {
                    return false;
                }
                throttledTo = throttledTo == 0 ? bytesPerSecond() / 2 : throttledTo / 2;
                source.throttle(Math.max(BLOCK_BYTES, throttledTo));
            }
        }
    }

    private void copyChanged(int round, long found) throws IOException {
        long begun = System.nanoTime();
        long before = readBytes;
        // What changes all the time would keep one round going for ever.
        while (readBytes - before < Math.max(found, 1)) {
            List<ImageRange> changed = source.take();
            if (changed.isEmpty()) {
                break;
            }
            long counted = readBytes;
            copyAll(changed);
            tell(round, readBytes - before, found);
            if (readBytes == counted) {
                break;
            }
        }
        rounds.add(new Round(found, readBytes - before, System.nanoTime() - begun));
    }

    private void copyAll(List<ImageRange> changed) throws IOException {
        sizeBytes = source.sizeBytes();
        for (ImageRange range : changed) {
            long end = Math.min(range.endBytes(), sizeBytes);
            if (range.positionBytes() < end) {
                copy(range.positionBytes(), end - range.positionBytes());
            }
        }
    }

    private void copyRest() throws IOException {
        long begun = System.nanoTime();
        long before = readBytes;
        long found = source.waitingBytes();
        long oldSize = sizeBytes;
        for (int i = 0; source.waitingBytes() > 0; i++) {
            if (i == MAX_LAST_ROUNDS) {
                throw new ImageException(
                        ImageException.Kind.IN_USE,
                        source.file().name() + ": is written to although nobody may; the copy is given up");
            }
            takeAll();
        }
        sizeBytes = source.sizeBytes();
        if (sizeBytes > oldSize) {
            copyEnd();
        }
        putClosedHeader();
        sink.finish(sizeBytes);
        rounds.add(new Round(found, readBytes - before, System.nanoTime() - begun));
    }

    private void takeAll() throws IOException {
        List<ImageRange> changed = source.take();
        while (!changed.isEmpty()) {
            copyAll(changed);
            changed = source.take();
        }
    }

    /** The copy is in nobody's use. */
    private void putClosedHeader() throws IOException {
        if (source.formatId().equals(ExpandedFormat.ID)) {
            source.file().read(0, piece, 0, HEADER_BYTES);
            piece.putInt(USE_MARK_AT, 0);
            sink.putHeader(piece, HEADER_BYTES);
        }
    }

    private void copy(long position, long length) throws IOException {
        for (long done = 0; done < length; ) {
            if (progress.cancelled()) {
                throw new InterruptedIOException("the copy was called off");
            }
            int now = (int) Math.min(PIECE_BYTES, length - done);
            source.file().read(position + done, piece, 0, now);
            sink.put(position + done, piece, 0, now);
            done += now;
            readBytes += now;
            keepToLimit();
        }
    }

    private void keepToLimit() throws InterruptedIOException {
        if (limited && limits.bytesPerSecond() > 0) {
            long dueNanos = (long) (readBytes * 1e9 / limits.bytesPerSecond());
            long early = dueNanos - (System.nanoTime() - begunNanos);
            if (early > 0) {
                sleep(early);
            }
        }
    }

    private static void sleep(long nanos) throws InterruptedIOException {
        try {
            TimeUnit.NANOSECONDS.sleep(nanos);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        }
    }

    private long bytesPerSecond() {
        return (long) (readBytes * 1e9 / Math.max(1, System.nanoTime() - begunNanos));
    }

    private long bytesWithin(Duration time) {
        return (long) (bytesPerSecond() * (time.toNanos() / 1e9));
    }

    private void tell(int round, long done, long total) throws IOException {
        long now = System.nanoTime();
        if (now - toldNanos > TELL_NANOS) {
            toldNanos = now;
            long rate = Math.max(1, bytesPerSecond());
            Duration forecast = Duration.ofNanos((long) (source.waitingBytes() * 1e9 / rate));
            progress.at(new CopyProgress.State(round, done, total, rate, forecast));
        }
    }
}
