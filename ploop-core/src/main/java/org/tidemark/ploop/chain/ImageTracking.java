package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.HeldDevices;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.tracker.ChangedRanges;
import org.tidemark.ploop.device.tracker.ImageRange;
import org.tidemark.ploop.device.tracker.WriteTracker;
import org.tidemark.ploop.io.ImageException;

/**
 * An attached image whose top file is being copied while it is written to. As long as this is open the chain and the size of the
 * disk stay what they are: it counts as a change of the image, of which there is one at a time. Detaching ends it.
 *
 * <p>What it tells of outlives this process: a successor finds it with {@link AttachedImage#tracking}.
 *
 * <p>Safe for several threads; one of them at a time does something.
 */
public final class ImageTracking implements Closeable {
    /** How long writes under way may take to end before the image is held. */
    private static final Duration DRAIN_LIMIT = Duration.ofSeconds(10);

    /** How long a copier may take to come back to what a killed process left. */
    private static final Duration ADOPTED_WITHIN = Duration.ofSeconds(60);

    private static final int TAKEN_AT_ONCE = 4_096;

    private static final long SPARE_BYTES = 256L << 20;

    private final PloopDevice device;
    private final WriteTracker tracker;
    private final AttachedImage.Change change;
    private @Nullable HeldDevices held;
    /** Which hold this is, so that the time limit of an earlier one does not end it. */
    private long holds;

    /** Nobody has come for it since a predecessor was killed at about this time. */
    private boolean left;

    private final long sinceNanos = System.nanoTime();
    private boolean ended;

    private ImageTracking(PloopDevice device, WriteTracker tracker, AttachedImage.Change change, boolean left) {
        this.device = device;
        this.tracker = tracker;
        this.change = change;
        this.left = left;
        device.observeTop(tracker);
    }

    /** From here on every change of the top's file is remembered. */
    static ImageTracking begin(PloopDevice device, StateArea area, AttachedImage.Change change) throws IOException {
        requireOneFile(device);
        return new ImageTracking(device, WriteTracker.begin(area, limitBytes(device)), change, false);
    }

    /** Goes on with what a killed process left; before anything is written. */
    static ImageTracking resume(PloopDevice device, StateArea area, AttachedImage.Change change) throws IOException {
        return new ImageTracking(device, WriteTracker.resume(area, limitBytes(device)), change, true);
    }

    private static void requireOneFile(PloopDevice device) throws ImageException {
        var top = device.deltas().get(device.deltas().size() - 1);
        if (!top.dataFile().equals(top.io().name())) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    top.name() + ": has its data in another file, " + top.dataFile()
                            + "; such an image is not copied while it is in use");
        }
    }

    /** What is leaked and what tables take is never as much as the disk has. */
    private static long limitBytes(PloopDevice device) {
        return Math.min(Long.MAX_VALUE / 4, device.sizeBytes()) * 2 + SPARE_BYTES;
    }

    /** Takes over what a killed process left: the copier has come back. False when it did not leave any, or it has ended. */
    public synchronized boolean adopt() {
        boolean was = left && !ended;
        left = false;
        return was;
    }

    /** Ends it when nobody has come for it in time. */
    synchronized boolean closeIfAbandoned() throws IOException {
        if (!left || ended || System.nanoTime() - sinceNanos < ADOPTED_WITHIN.toNanos()) {
            return false;
        }
        close();
        return true;
    }

    /** The file that is tracked, as messages call it: its path, of an image of this host. */
    public String file() {
        return device.deltas().get(device.deltas().size() - 1).io().name();
    }

    public String formatId() {
        return device.deltas().get(device.deltas().size() - 1).format();
    }

    /** How long the file is now. */
    public long sizeBytes() throws IOException {
        return device.deltas().get(device.deltas().size() - 1).io().size();
    }

    /** See {@link WriteTracker#marked}. */
    public synchronized List<ImageRange> marked(long fromBytes, int maxRanges, long maxBytes) throws ImageException {
        requireGoingOn();
        return tracker.marked(fromBytes, maxRanges, maxBytes);
    }

    /** See {@link WriteTracker#clear}. */
    public synchronized void clear(ImageRange range) throws ImageException {
        requireGoingOn();
        tracker.clear(range);
    }

    public synchronized long waitingBytes() throws ImageException {
        requireGoingOn();
        return tracker.waitingBytes();
    }

    /**
     * Everything that was acknowledged is in the file on return, and nothing is written to it until {@link #release}, or until
     * {@code limit} is over.
     *
     * @throws ImageException IN_USE when writes under way do not end, and then nothing is held
     */
    public void hold(Duration limit) throws IOException {
        long mine;
        synchronized (this) {
            requireGoingOn();
            if (held != null) {
                throw new ImageException(ImageException.Kind.IN_USE, device.name() + ": is held already");
            }
            // What is written now need not be written while everybody waits.
            device.flush();
            held = HeldDevices.hold(List.of(device), DRAIN_LIMIT.toNanos());
            mine = ++holds;
        }
        boolean done = false;
        try {
            device.flush();
            releaseAfter(limit, mine);
            done = true;
        } finally {
            if (!done) {
                release();
            }
        }
    }

    private void releaseAfter(Duration limit, long hold) {
        Thread watch = new Thread(() -> releaseLate(limit, hold), "copy-hold-limit");
        watch.setDaemon(true);
        watch.start();
    }

    private void releaseLate(Duration limit, long hold) {
        try {
            Thread.sleep(limit.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        synchronized (this) {
            if (holds == hold) {
                release();
            }
        }
    }

    /** Whether it was held until now; writers go on. */
    public synchronized boolean release() {
        HeldDevices until = held;
        held = null;
        if (until != null) {
            until.close();
        }
        return until != null;
    }

    private void requireGoingOn() throws ImageException {
        if (ended || change.calledOff()) {
            throw new ImageException(
                    ImageException.Kind.IN_USE, device.name() + ": is being detached; its copy ends here");
        }
        if (tracker.broken()) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    device.name() + ": its file became larger than the tracker can follow; copy it anew");
        }
    }

    /**
     * Ends the tracking for the sake of a detach; what was not taken yet, and what changes from now on, goes to {@code log}.
     *
     * @throws ImageException when it has ended already, so that what changed is not known
     */
    synchronized void closeInto(ChangedRanges log) throws IOException {
        requireGoingOn();
        release();
        ended = true;
        try (change) {
            device.passTopOn(log);
            for (List<ImageRange> left = tracker.marked(0, TAKEN_AT_ONCE, Long.MAX_VALUE);
                    !left.isEmpty();
                    left = tracker.marked(left.get(left.size() - 1).endBytes(), TAKEN_AT_ONCE, Long.MAX_VALUE)) {
                left.forEach(range -> log.changed(range.positionBytes(), range.lengthBytes()));
            }
            tracker.close();
        }
    }

    /** Nothing is tracked any more. */
    @Override
    public synchronized void close() throws IOException {
        release();
        if (!ended) {
            ended = true;
            try (change) {
                device.observeTop(null);
                tracker.close();
            }
        }
    }
}
