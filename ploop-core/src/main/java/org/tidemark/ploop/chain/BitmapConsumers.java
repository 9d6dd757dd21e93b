package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.Checkpoint;
import org.tidemark.ploop.device.cbt.Interval;

/** The bitmaps that are kept current, as consumers of the changed-block tracker: each has a checkpoint of its own. */
final class BitmapConsumers {
    private static final String PREFIX = "bitmap:";

    /** Targets of backups are consumers of the tracker, too. More bitmaps than this are not kept. */
    private static final int MAX_KEPT = 6;

    private BitmapConsumers() {}

    /** Changes are recorded from now on for these bitmaps, the first {@link #MAX_KEPT} of them, and for no other. */
    static void begin(ChangedBlockTracker tracker, List<String> names) throws IOException {
        forgetAll(tracker);
        for (String name : names.subList(0, Math.min(names.size(), MAX_KEPT))) {
            if (tracker.consumers().size() < ChangedBlockTracker.MAX_CONSUMERS) {
                Interval interval = tracker.begin(PREFIX + name, null);
                tracker.commit(PREFIX + name, interval.end());
            }
        }
    }

    static boolean any(ChangedBlockTracker tracker) {
        return tracker.consumers().stream().anyMatch(one -> one.startsWith(PREFIX));
    }

    /** What changed since the image was opened; empty when nobody knows. Nobody writes. May be asked again. */
    static Optional<Interval> changes(ChangedBlockTracker tracker, String name) throws IOException {
        Optional<Checkpoint> since = tracker.committed(PREFIX + name);
        if (since.isEmpty()) {
            return Optional.empty();
        }
        Interval interval = tracker.begin(PREFIX + name, since.get());
        return interval.isFull() ? Optional.empty() : Optional.of(interval);
    }

    static void forgetAll(ChangedBlockTracker tracker) throws IOException {
        for (String consumer : tracker.consumers()) {
            if (consumer.startsWith(PREFIX)) {
                tracker.forget(consumer);
            }
        }
    }
}
