package org.tidemark.ploop.device;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.Checkpoint;
import org.tidemark.ploop.io.ImageException;

/**
 * One instant over all devices of a container: every device is quiesced before any view opens, and every view is open before
 * any device goes on. So the views show the container at one point in time.
 */
public final class Instant {
    private Instant() {}

    /**
     * What is wanted of one device.
     *
     * @param viewName unique name of the view
     * @param consumer who asks for changes, see {@link ChangedBlockTracker#begin}
     * @param since the checkpoint of the consumer's newest recovery point, or null
     * @param scratchFolder local folder for old data
     * @param scratchLimitBytes bound for old data
     */
    public record Wanted(
            PloopDevice device,
            String viewName,
            String consumer,
            @Nullable Checkpoint since,
            Path scratchFolder,
            long scratchLimitBytes) {}

    /**
     * Makes what the views need; takes time, so it is done before anything is frozen. The caller {@linkplain
     * Preparation#open opens} the views or closes the preparation.
     */
    public static Preparation prepare(List<Wanted> wanted) throws IOException {
        List<DeviceView.Prepared> prepared = new ArrayList<>();
        boolean done = false;
        try {
            for (Wanted one : wanted) {
                prepared.add(one.device().prepareView(one.viewName(), one.scratchFolder(), one.scratchLimitBytes()));
            }
            done = true;
            return new Preparation(List.copyOf(wanted), prepared);
        } finally {
            if (!done) {
                giveUp(wanted, prepared, List.of());
            }
        }
    }

    /** {@link #prepare} and {@link Preparation#open} in one. */
    public static List<DeviceView> take(List<Wanted> wanted, long timeoutNanos) throws IOException {
        return prepare(wanted).open(timeoutNanos);
    }

    /** What the views of one instant need. */
    public static final class Preparation implements Closeable {
        private final List<Wanted> wanted;
        private final List<DeviceView.Prepared> prepared;
        private final AtomicBoolean used = new AtomicBoolean();

        private Preparation(List<Wanted> wanted, List<DeviceView.Prepared> prepared) {
            this.wanted = wanted;
            this.prepared = prepared;
        }

        public List<Wanted> wanted() {
            return wanted;
        }

        /**
         * Opens a view of each device at one instant. New writes wait meanwhile: milliseconds, at most {@code timeoutNanos}
         * for those under way to end. Nothing is written to a disk here: the file systems may be frozen. See
         * {@link DeviceView#secure}.
         *
         * @throws ImageException of kind IN_USE when they did not end in time; nothing has changed then
         */
        public List<DeviceView> open(long timeoutNanos) throws IOException {
            if (!used.compareAndSet(false, true)) {
                throw new IllegalStateException("this instant is over");
            }
            List<DeviceView> views = new ArrayList<>();
            boolean done = false;
            try {
                openAll(wanted, prepared, views, timeoutNanos);
                done = true;
            } finally {
                if (!done) {
                    giveUp(wanted, prepared, views);
                }
            }
            return views;
        }

        /** Gives back what was prepared and is not used by views. */
        @Override
        public void close() throws IOException {
            if (used.compareAndSet(false, true)) {
                giveUp(wanted, prepared, List.of());
            }
        }
    }

    private static void openAll(
            List<Wanted> wanted, List<DeviceView.Prepared> prepared, List<DeviceView> views, long timeoutNanos)
            throws IOException {
        try (HeldDevices held =
                HeldDevices.hold(wanted.stream().map(Wanted::device).toList(), timeoutNanos)) {
            for (int i = 0; i < wanted.size(); i++) {
                Wanted one = wanted.get(i);
                Checkpoint none = new Checkpoint(new UUID(0, 0), 0);
                views.add(one.device().openView(one.viewName(), one.consumer(), one.since(), prepared.get(i), none));
            }
        }
    }

    private static void giveUp(List<Wanted> wanted, List<DeviceView.Prepared> prepared, List<DeviceView> views)
            throws IOException {
        for (int i = 0; i < views.size(); i++) {
            views.get(i).close();
            ChangedBlockTracker tracker = wanted.get(i).device().tracker();
            if (tracker != null) {
                tracker.abandon(
                        wanted.get(i).consumer(), views.get(i).interval().end());
            }
        }
        for (DeviceView.Prepared one : prepared) {
            one.close();
        }
    }
}
