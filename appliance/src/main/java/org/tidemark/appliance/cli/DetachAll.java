package org.tidemark.appliance.cli;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;

/**
 * Detaches many devices side by side, a few at a time. Those of one image come one after another, snapshots first: the image
 * cannot be closed properly under them. One that hangs holds up no other image, and is reported when the time is over.
 */
final class DetachAll {
    static final int AT_ONCE = 8;

    /** What the command needs beyond the time in which the device server promises an answer. */
    private static final Duration GRACE = Duration.ofSeconds(5);

    /** Detaches one device; called by several threads. */
    interface Detaching {
        /** Whether its image is closed, too. */
        boolean detach(AttachedDevice device) throws IOException;
    }

    /**
     * How it ended for one device.
     *
     * @param failure null when it is detached
     */
    record Ended(
            AttachedDevice device,
            boolean imageClosed,
            @Nullable Exception failure) {}

    /** Told about each device as it ends, by the thread that called {@link #run}. */
    interface Listener {
        void ended(Ended one) throws IOException;
    }

    private final Detaching detaching;
    private final Duration limitOfEach;
    private final Duration grace;

    DetachAll(Detaching detaching, Duration limitOfEach) {
        this(detaching, limitOfEach, GRACE);
    }

    DetachAll(Detaching detaching, Duration limitOfEach, Duration grace) {
        this.detaching = detaching;
        this.limitOfEach = limitOfEach;
        this.grace = grace;
    }

    /** Returns the names of those that gave no answer in time. */
    List<String> run(Collection<AttachedDevice> devices, Listener listener) throws IOException {
        Map<Object, List<AttachedDevice>> byImage = new LinkedHashMap<>();
        for (AttachedDevice one : devices) {
            byImage.computeIfAbsent(one.image(), image -> new ArrayList<>()).add(one);
        }
        int most = 0;
        for (List<AttachedDevice> group : byImage.values()) {
            group.sort(Comparator.comparing(one -> one.level().isEmpty()));
            most = Math.max(most, group.size());
        }
        ConcurrentLinkedQueue<List<AttachedDevice>> left = new ConcurrentLinkedQueue<>(byImage.values());
        LinkedBlockingQueue<Ended> ended = new LinkedBlockingQueue<>();
        int threads = Math.min(AT_ONCE, byImage.size());
        for (int i = 0; i < threads; i++) {
            Thread thread = new Thread(() -> detachGroups(left, ended), "detach-" + i);
            thread.setDaemon(true);
            thread.start();
        }
        int rounds = (byImage.size() + AT_ONCE - 1) / AT_ONCE;
        long limitNanos =
                limitOfEach.multipliedBy((long) rounds * most).plus(grace).toNanos();
        return await(devices, ended, System.nanoTime() + limitNanos, listener);
    }

    private void detachGroups(ConcurrentLinkedQueue<List<AttachedDevice>> left, LinkedBlockingQueue<Ended> ended) {
        for (List<AttachedDevice> group = left.poll(); group != null; group = left.poll()) {
            for (AttachedDevice one : group) {
                Exception failure = null;
                boolean closed = false;
                try {
                    closed = detaching.detach(one);
                } catch (IOException | RuntimeException e) {
                    failure = e;
                }
                ended.add(new Ended(one, closed, failure));
            }
        }
    }

    private static List<String> await(
            Collection<AttachedDevice> devices, LinkedBlockingQueue<Ended> ended, long end, Listener listener)
            throws IOException {
        Set<String> open = new TreeSet<>();
        devices.forEach(one -> open.add(one.deviceId()));
        while (!open.isEmpty()) {
            Ended one;
            try {
                one = ended.poll(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("detaching was interrupted");
            }
            if (one == null) {
                break;
            }
            open.remove(one.device().deviceId());
            listener.ended(one);
        }
        return List.copyOf(open);
    }
}
