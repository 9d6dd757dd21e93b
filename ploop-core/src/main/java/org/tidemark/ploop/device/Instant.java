package org.tidemark.ploop.device;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
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
     * Opens a view of each device at one instant. New writes wait meanwhile: milliseconds, at most {@code timeoutNanos} for
     * those under way to end. Nothing is written or synced here, because the file system may be frozen around it: see
     * {@link DeviceView#secure}.
     *
     * @throws ImageException of kind IN_USE when they did not end in time; nothing has changed then
     */
    public static List<DeviceView> take(List<Wanted> wanted, long timeoutNanos) throws IOException {
        List<DeviceView.Prepared> prepared = new ArrayList<>();
        List<DeviceView> views = new ArrayList<>();
        boolean done = false;
        try {
            for (Wanted one : wanted) {
                prepared.add(one.device().prepareView(one.viewName(), one.scratchFolder(), one.scratchLimitBytes()));
            }
            openAll(wanted, prepared, views, timeoutNanos);
            done = true;
        } finally {
            if (!done) {
                giveUp(wanted, prepared, views);
            }
        }
        return views;
    }

    private static void openAll(
            List<Wanted> wanted, List<DeviceView.Prepared> prepared, List<DeviceView> views, long timeoutNanos)
            throws IOException {
        List<PloopDevice> quiesced = new ArrayList<>();
        try {
            for (PloopDevice device : inOrder(wanted)) {
                if (!device.quiesce(timeoutNanos)) {
                    throw new ImageException(
                            ImageException.Kind.IN_USE,
                            device.name() + ": writes under way did not end within " + timeoutNanos / 1_000_000
                                    + " ms; try again");
                }
                quiesced.add(device);
            }
            for (int i = 0; i < wanted.size(); i++) {
                Wanted one = wanted.get(i);
                Checkpoint none = new Checkpoint(new UUID(0, 0), 0);
                views.add(one.device().openView(one.viewName(), one.consumer(), one.since(), prepared.get(i), none));
            }
        } finally {
            quiesced.forEach(PloopDevice::relax);
        }
    }

    /** Every device once, in an order that all instants share: two of them never wait for each other. */
    private static List<PloopDevice> inOrder(List<Wanted> wanted) {
        return wanted.stream()
                .map(Wanted::device)
                .distinct()
                .sorted(Comparator.comparing(PloopDevice::name))
                .toList();
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
