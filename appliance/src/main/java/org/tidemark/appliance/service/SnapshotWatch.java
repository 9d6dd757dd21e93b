package org.tidemark.appliance.service;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.tidemark.ploop.chain.ChainProgress;
import org.tidemark.ploop.server.ControlClient;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.Fields;

/** Follows a change of snapshots in the device server: tells how far it is, and tells it to stop when that is wanted. */
final class SnapshotWatch implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(SnapshotWatch.class.getName());
    private static final long LOOK_EVERY_MILLIS = 250;

    private final Snapshots.Planes planes;
    private final AttachedDevice device;
    private final ChainProgress progress;
    private final CountDownLatch over = new CountDownLatch(1);

    SnapshotWatch(Snapshots.Planes planes, AttachedDevice device, ChainProgress progress) {
        this.planes = planes;
        this.device = device;
        this.progress = progress;
    }

    void start() {
        Thread thread = new Thread(this::watch, "snapshot-watch");
        thread.setDaemon(true);
        thread.start();
    }

    private void watch() {
        try {
            while (!over.await(LOOK_EVERY_MILLIS, TimeUnit.MILLISECONDS)) {
                look();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void look() {
        try {
            Optional<DataPlane> connected = planes.connect();
            if (connected.isEmpty()) {
                return;
            }
            Fields wanted = Fields.of("device", device.deviceId());
            try (DataPlane plane = connected.get()) {
                if (progress.cancelled()) {
                    plane.client(device).request("snapshot.cancel", wanted, ControlClient.USUAL_LIMIT);
                }
                Fields status = plane.client(device).request("snapshot.status", wanted, ControlClient.USUAL_LIMIT);
                if (status.flag("running")) {
                    progress.done(status.number("clusters"), status.number("totalClusters"));
                }
            }
        } catch (IOException e) {
            LOG.log(Level.DEBUG, "looking how far a change of snapshots is", e);
        }
    }

    @Override
    public void close() {
        over.countDown();
    }
}
