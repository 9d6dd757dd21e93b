package org.tidemark.ploop.server;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainProgress;
import org.tidemark.ploop.chain.Guid;
import org.tidemark.ploop.chain.PreparedSnapshot;
import org.tidemark.ploop.chain.SnapshotOperations;
import org.tidemark.ploop.device.HeldDevices;
import org.tidemark.ploop.device.PloopDevice;

/**
 * Changes of the snapshots of an image that is attached.
 *
 * <ul>
 *   <li>{@code snapshot.prepare}: what a snapshot needs and takes time; done before anything is frozen, given back when the
 *       client goes away
 *   <li>{@code snapshot.create}: the instant, of a prepared snapshot, or all at once
 *   <li>{@code snapshot.createTogether}: one instant of several prepared snapshots, of a device each. When it fails some of
 *       them may be there; the client deletes those
 *   <li>{@code snapshot.delete}, {@code snapshot.merge}: answer when it is done, which may take long; without the name of a
 *       snapshot, merge makes one file of the whole chain
 *   <li>{@code snapshot.list}: the levels of the image
 *   <li>{@code snapshot.status}, {@code snapshot.cancel}: of what is under way, asked over another connection
 * </ul>
 */
final class SnapshotCommands {
    private static final long DEFAULT_TIMEOUT_MILLIS = 2_000;

    private final ServedDevices devices;
    private final Map<String, Prepared> prepared = new ConcurrentHashMap<>();
    private final Map<String, Running> running = new ConcurrentHashMap<>();
    private final AtomicLong lastId = new AtomicLong();

    SnapshotCommands(ServedDevices devices) {
        this.devices = devices;
    }

    /** Changes of snapshots under way. */
    List<String> underWay() {
        int changes = running.size() + prepared.size();
        return changes == 0 ? List.of() : List.of(changes + " change(s) of snapshots are under way");
    }

    void register(ControlCommands commands) {
        commands.add("snapshot.prepare", this::prepare);
        commands.add("snapshot.create", this::create);
        commands.add("snapshot.createTogether", this::createTogether);
        commands.add("snapshot.delete", (arguments, session) -> delete(arguments));
        commands.add("snapshot.merge", (arguments, session) -> merge(arguments));
        commands.add("snapshot.list", (arguments, session) -> list(arguments));
        commands.add("snapshot.status", (arguments, session) -> status(arguments));
        commands.add("snapshot.cancel", (arguments, session) -> cancel(arguments));
    }

    /** How far a change is, and whether somebody called it off. */
    private static final class Running implements ChainProgress {
        private volatile long clusters;
        private volatile long totalClusters;
        private volatile boolean cancelled;

        @Override
        public void done(long done, long total) {
            clusters = done;
            totalClusters = total;
        }

        @Override
        public boolean cancelled() {
            return cancelled;
        }
    }

    /** A snapshot that waits for its instant, and the change it belongs to. */
    private final class Prepared implements Closeable {
        private final String id;
        private final PloopDevice device;
        private final AttachedImage.Change change;
        private final PreparedSnapshot snapshot;
        private boolean over;

        Prepared(String id, PloopDevice device, AttachedImage.Change change, PreparedSnapshot snapshot) {
            this.id = id;
            this.device = device;
            this.change = change;
            this.snapshot = snapshot;
        }

        @Override
        public void close() throws IOException {
            synchronized (this) {
                if (over) {
                    return;
                }
                over = true;
            }
            prepared.remove(id);
            try (change) {
                snapshot.close();
            }
        }
    }

    private AttachedImage image(Fields arguments) throws ControlException {
        String deviceId = arguments.text("device");
        if (devices.find(deviceId).device() instanceof AttachedImage image) {
            return image;
        }
        throw new ControlException(
                ControlException.Kind.FAILED, deviceId + ": is broken; detach it and check the image");
    }

    private Fields prepare(Fields arguments, ControlSession session) throws IOException {
        Prepared fresh = prepareNow(arguments);
        session.own(fresh);
        return Fields.of("prepared", fresh.id, "snapshot", fresh.snapshot.guid());
    }

    private Prepared prepareNow(Fields arguments) throws IOException {
        AttachedImage image = image(arguments);
        AttachedImage.Change change = image.beginChange(idsFor(arguments), ChainProgress.NONE);
        boolean done = false;
        try {
            PreparedSnapshot snapshot = change.operations().prepare(image.files());
            Prepared fresh = new Prepared("snapshot-" + lastId.incrementAndGet(), image.device(), change, snapshot);
            prepared.put(fresh.id, fresh);
            done = true;
            return fresh;
        } finally {
            if (!done) {
                change.close();
            }
        }
    }

    /** The client may choose the name of the snapshot. */
    private static Supplier<UUID> idsFor(Fields arguments) throws ControlException {
        String wanted = arguments.text("snapshot", "");
        if (wanted.isEmpty()) {
            return UUID::randomUUID;
        }
        return Guid.firstThenRandom(Guid.idOf(wanted)
                .orElseThrow(() -> new ControlException(
                        ControlException.Kind.USAGE, "'" + wanted + "' is no name of a snapshot")));
    }

    private Fields create(Fields arguments, ControlSession session) throws IOException {
        long timeoutMillis = arguments.number("timeoutMillis", DEFAULT_TIMEOUT_MILLIS);
        String id = arguments.text("prepared", "");
        Prepared ready = id.isEmpty() ? prepareNow(arguments) : prepared.get(id);
        if (ready == null) {
            throw new ControlException(ControlException.Kind.NOT_FOUND, "there is no prepared snapshot '" + id + "'");
        }
        try (ready) {
            session.disown(ready);
            long begun = System.nanoTime();
            String guid = ready.snapshot.take(timeoutMillis * 1_000_000);
            return Fields.of("snapshot", guid, "heldMicros", (System.nanoTime() - begun) / 1_000);
        }
    }

    /** Every device is held before the first snapshot is taken, and goes on after the last one. */
    private Fields createTogether(Fields arguments, ControlSession session) throws IOException {
        long timeoutNanos = arguments.number("timeoutMillis", DEFAULT_TIMEOUT_MILLIS) * 1_000_000;
        List<Prepared> ready = new ArrayList<>();
        for (String id : arguments.texts("prepared")) {
            Prepared one = prepared.get(id);
            if (one == null) {
                throw new ControlException(
                        ControlException.Kind.NOT_FOUND, "there is no prepared snapshot '" + id + "'");
            }
            ready.add(one);
        }
        List<String> guids = new ArrayList<>();
        long begun = System.nanoTime();
        long heldNanos;
        try (Closeable tidied = () -> closeAll(ready, session)) {
            try (HeldDevices held =
                    HeldDevices.hold(ready.stream().map(one -> one.device).toList(), timeoutNanos)) {
                for (Prepared one : ready) {
                    guids.add(one.snapshot.take(timeoutNanos));
                }
            }
            heldNanos = System.nanoTime() - begun;
        }
        return Fields.of("snapshots", guids, "heldMicros", heldNanos / 1_000);
    }

    private static void closeAll(List<Prepared> all, ControlSession session) throws IOException {
        IOException failure = null;
        for (Prepared one : all) {
            session.disown(one);
            try {
                one.close();
            } catch (IOException e) {
                failure = e;
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    private interface Work {
        Fields run(SnapshotOperations operations) throws IOException;
    }

    private Fields change(Fields arguments, Work work) throws IOException {
        AttachedImage image = image(arguments);
        String deviceId = arguments.text("device");
        Running progress = new Running();
        try (AttachedImage.Change change = image.beginChange(UUID::randomUUID, progress)) {
            running.put(deviceId, progress);
            return work.run(change.operations());
        } finally {
            running.remove(deviceId, progress);
        }
    }

    private Fields delete(Fields arguments) throws IOException {
        AttachedImage image = image(arguments);
        return change(
                arguments,
                operations -> Fields.of(
                        "outcome",
                        operations
                                .delete(image.files(), arguments.text("snapshot"))
                                .name()));
    }

    private Fields merge(Fields arguments) throws IOException {
        AttachedImage image = image(arguments);
        String guid = arguments.text("snapshot", "");
        return change(arguments, operations -> {
            if (guid.isEmpty()) {
                return Fields.of("merged", operations.mergeAll(image.files()));
            }
            operations.merge(image.files(), guid);
            return Fields.of("merged", 1);
        });
    }

    private Fields list(Fields arguments) throws IOException {
        List<Map<String, Object>> levels = new ArrayList<>();
        for (SnapshotOperations.Snapshot one :
                SnapshotOperations.list(image(arguments).files())) {
            levels.add(Fields.of(
                            "snapshot",
                            one.guid(),
                            "parent",
                            one.parentGuid(),
                            "file",
                            one.file(),
                            "current",
                            one.current(),
                            "temporary",
                            one.temporary())
                    .values());
        }
        return Fields.of("snapshots", levels);
    }

    private Fields status(Fields arguments) throws ControlException {
        @Nullable Running now = running.get(arguments.text("device"));
        return now == null
                ? Fields.of("running", false)
                : Fields.of("running", true, "clusters", now.clusters, "totalClusters", now.totalClusters);
    }

    private Fields cancel(Fields arguments) throws ControlException {
        @Nullable Running now = running.get(arguments.text("device"));
        if (now != null) {
            now.cancelled = true;
        }
        return Fields.of("cancelling", now != null);
    }
}
