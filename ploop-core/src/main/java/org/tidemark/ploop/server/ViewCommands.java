package org.tidemark.ploop.server;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.DeviceView;
import org.tidemark.ploop.device.Instant;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.attach.nbd.NbdExport;
import org.tidemark.ploop.device.attach.nbd.NbdServer;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.Checkpoint;
import org.tidemark.ploop.device.front.BackupTurns;
import org.tidemark.ploop.device.front.YieldingView;

/**
 * What a backup asks of the device server.
 *
 * <ul>
 *   <li>{@code instant.prepare}: what an instant needs and takes time to make; done before anything is frozen
 *   <li>{@code instant}: a view of each device at one instant, exported over NBD. A view lives as long as the connection
 *       that asked for it; what was not committed by then is abandoned, so that the next increment is right. With
 *       {@code purpose} "export" it is served where devices are exported, not where backups read.
 *   <li>{@code view.secure}: after the thaw, before anything is committed; {@code view.status}, {@code view.close}
 *   <li>{@code cbt.commit}, {@code cbt.abandon}: how the recovery point ended
 *   <li>{@code nbd.export}, {@code nbd.withdraw}: a device itself over NBD, for as long as the connection lives; asked again, it tells the
 *       size that the device has now
 * </ul>
 */
final class ViewCommands {
    private static final String BITMAP = "since";
    private static final String EXPORT = "export";
    /**
     * The appliance has up to five for each of 36 exports, each with one request at a time. Of half a MiB each, beside the 64 of 2 MiB
     * of backups: together they stay below the memory that buffers may take.
     */
    private static final int MOST_EXPORT_CONNECTIONS = 192;

    private static final long DEFAULT_SCRATCH_BYTES = 4L << 30;
    private static final long DEFAULT_TIMEOUT_MILLIS = 2_000;

    private final ServedDevices devices;
    private final Map<String, OpenView> views = new ConcurrentHashMap<>();
    private final Map<String, Prepared> prepared = new ConcurrentHashMap<>();
    private final AtomicLong lastView = new AtomicLong();
    /** Guarded by this. Each has connections of its own, so that exports never take those that backups need. */
    private @Nullable NbdServer backups;

    private @Nullable NbdServer exports;

    ViewCommands(ServedDevices devices) {
        this.devices = devices;
    }

    /** Backups that read from this process. */
    List<String> underWay() {
        return views.isEmpty() ? List.of() : List.of(views.size() + " view(s) of backups are being read");
    }

    void register(ControlCommands commands) {
        commands.add("instant.prepare", this::prepare);
        commands.add("instant", this::instant);
        commands.add("view.secure", (arguments, session) -> {
            view(arguments).view.secure();
            return Fields.NONE;
        });
        commands.add("view.status", (arguments, session) -> view(arguments).status());
        commands.add("view.close", (arguments, session) -> {
            OpenView view = view(arguments);
            session.disown(view);
            view.close();
            return Fields.NONE;
        });
        commands.add("cbt.commit", this::commit);
        commands.add("cbt.abandon", this::abandon);
        commands.add("nbd.export", this::export);
        commands.add("nbd.withdraw", (arguments, session) -> {
            exports().remove(arguments.text("export"));
            return Fields.NONE;
        });
    }

    /** A view, its export and the interval it stands for. */
    private final class OpenView implements Closeable {
        private final String id;
        private final DeviceView view;
        private final PloopDevice device;
        private final String consumer;
        /** What is exported. */
        private final YieldingView exported;

        private final NbdServer server;
        private boolean settled;

        OpenView(String id, DeviceView view, PloopDevice device, String consumer, BackupTurns turns, NbdServer server) {
            this.id = id;
            this.server = server;
            this.view = view;
            this.exported = new YieldingView(view, turns);
            this.device = device;
            this.consumer = consumer;
        }

        Fields describe(String deviceId) {
            Checkpoint start = view.interval().start();
            return Fields.of(
                    "device",
                    deviceId,
                    "view",
                    id,
                    "export",
                    id,
                    "bitmap",
                    BITMAP,
                    "sizeBytes",
                    view.sizeBytes(),
                    "tracked",
                    device.tracker() != null,
                    "checkpoint",
                    view.interval().end().toString(),
                    "since",
                    start == null ? null : start.toString(),
                    "reason",
                    view.interval().reason(),
                    "changedBytes",
                    view.interval().changedBytes());
        }

        Fields status() {
            return Fields.of(
                    "view", id,
                    "state", view.viewState().name(),
                    "brokenBecause", view.brokenBecause(),
                    "scratchPeakBytes", view.scratchPeakBytes());
        }

        /** Ends the view for good; an interval that was not committed goes back to the tracker. */
        @Override
        public void close() throws IOException {
            synchronized (this) {
                if (settled) {
                    return;
                }
                settled = true;
            }
            views.remove(id);
            server.remove(id);
            exported.close();
            view.close();
            ChangedBlockTracker tracker = device.tracker();
            if (tracker != null) {
                tracker.abandon(consumer, view.interval().end());
            }
        }
    }

    private OpenView view(Fields arguments) throws ControlException {
        String id = arguments.text("view");
        OpenView found = views.get(id);
        if (found == null) {
            throw new ControlException(ControlException.Kind.NOT_FOUND, "there is no view '" + id + "'");
        }
        return found;
    }

    /** What an instant needs, made before it, and the devices it is of. */
    private record Prepared(
            String consumer, List<String> deviceIds, NbdServer server, Instant.Preparation preparation) {}

    /** What {@code instant} will use; given back when the client goes away or prepares another one. */
    private Fields prepare(Fields arguments, ControlSession session) throws IOException {
        Prepared fresh = preparation(arguments);
        for (Map.Entry<String, Prepared> old : prepared.entrySet()) {
            if (old.getValue().consumer().equals(fresh.consumer()) && prepared.remove(old.getKey(), old.getValue())) {
                old.getValue().preparation().close();
            }
        }
        String id = "prepared-" + lastView.incrementAndGet();
        prepared.put(id, fresh);
        session.own(() -> {
            prepared.remove(id);
            fresh.preparation().close();
        });
        return Fields.of("prepared", id);
    }

    private Prepared preparation(Fields arguments) throws IOException {
        List<String> deviceIds = new ArrayList<>();
        for (Fields one : arguments.objects("devices")) {
            deviceIds.add(one.text("device"));
        }
        NbdServer server = arguments.text("purpose", "").equals(EXPORT) ? exports() : backups();
        return new Prepared(arguments.text("consumer"), deviceIds, server, Instant.prepare(wanted(arguments)));
    }

    private List<Instant.Wanted> wanted(Fields arguments) throws IOException {
        String consumer = arguments.text("consumer");
        Path scratch = Path.of(arguments.text("scratchFolder"));
        devices.requireElsewhere(scratch);
        long scratchBytes = arguments.number("scratchBytes", DEFAULT_SCRATCH_BYTES);
        List<Instant.Wanted> wanted = new ArrayList<>();
        for (Fields one : arguments.objects("devices")) {
            String since = one.text("since", "");
            wanted.add(new Instant.Wanted(
                    ploopDevice(one.text("device")),
                    "view-" + lastView.incrementAndGet(),
                    consumer,
                    since.isEmpty() ? null : Checkpoint.parse(since),
                    scratch,
                    scratchBytes));
        }
        if (wanted.isEmpty()) {
            throw new ControlException(ControlException.Kind.USAGE, "an instant of no device makes no sense");
        }
        return wanted;
    }

    private Fields instant(Fields arguments, ControlSession session) throws IOException {
        long timeoutMillis = arguments.number("timeoutMillis", DEFAULT_TIMEOUT_MILLIS);
        String preparedId = arguments.text("prepared", "");
        Prepared ready = preparedId.isEmpty() ? preparation(arguments) : prepared.remove(preparedId);
        if (ready == null) {
            throw new ControlException(
                    ControlException.Kind.NOT_FOUND, "there is no prepared instant '" + preparedId + "'");
        }
        List<BackupTurns> turns = new ArrayList<>();
        for (String deviceId : ready.deviceIds()) {
            turns.add(devices.find(deviceId).front().backupTurns());
        }
        NbdServer nbd = ready.server();
        List<DeviceView> opened = ready.preparation().open(timeoutMillis * 1_000_000);
        List<Map<String, Object>> described = new ArrayList<>();
        for (int i = 0; i < opened.size(); i++) {
            Instant.Wanted one = ready.preparation().wanted().get(i);
            OpenView view =
                    new OpenView(one.viewName(), opened.get(i), one.device(), one.consumer(), turns.get(i), nbd);
            views.put(view.id, view);
            session.own(view);
            nbd.add(exportOf(view));
            described.add(view.describe(ready.deviceIds().get(i)).values());
        }
        return Fields.of("socket", nbd.socket().toString(), "views", described);
    }

    private static NbdExport exportOf(OpenView view) {
        TreeMap<String, NbdExport.DirtyContext> contexts = new TreeMap<>();
        if (!view.view.interval().isFull()) {
            contexts.put(
                    BITMAP, (offset, length, visitor) -> view.view.interval().visit(offset, length, visitor::dirty));
        }
        return new NbdExport(view.id, "a view of " + view.device.name(), view.exported, true, contexts);
    }

    private PloopDevice ploopDevice(String deviceId) throws ControlException {
        if (devices.find(deviceId).device() instanceof AttachedImage image) {
            return image.device();
        }
        throw new ControlException(
                ControlException.Kind.FAILED, deviceId + ": is broken; detach it and check the image");
    }

    private Fields commit(Fields arguments, ControlSession session) throws IOException {
        settle(arguments, true);
        return Fields.NONE;
    }

    private Fields abandon(Fields arguments, ControlSession session) throws IOException {
        settle(arguments, false);
        return Fields.NONE;
    }

    private void settle(Fields arguments, boolean committed) throws IOException {
        ChangedBlockTracker tracker = ploopDevice(arguments.text("device")).tracker();
        if (tracker == null) {
            return;
        }
        Checkpoint checkpoint = Checkpoint.parse(arguments.text("checkpoint"));
        if (committed) {
            tracker.commit(arguments.text("consumer"), checkpoint);
        } else {
            tracker.abandon(arguments.text("consumer"), checkpoint);
        }
    }

    private Fields export(Fields arguments, ControlSession session) throws IOException {
        String deviceId = arguments.text("device");
        String name = "device-" + deviceId;
        NbdServer nbd = exports();
        ploopDevice(deviceId);
        BlockDevice served = devices.find(deviceId).front();
        NbdExport before = nbd.export(name);
        if (before != null && before.device() != served) {
            // The device was detached meanwhile, and another one has its name.
            nbd.remove(name);
            before = null;
        }
        if (before == null) {
            nbd.add(new NbdExport(name, "device " + deviceId, served, false, new TreeMap<>()));
            session.own(() -> removeIfStill(nbd, name, served));
        }
        return Fields.of("socket", nbd.socket().toString(), "export", name, "sizeBytes", served.sizeBytes());
    }

    private static void removeIfStill(NbdServer nbd, String name, BlockDevice device) {
        NbdExport now = nbd.export(name);
        if (now != null && now.device() == device) {
            nbd.remove(name);
        }
    }

    private synchronized NbdServer backups() throws IOException {
        NbdServer running = backups;
        if (running == null) {
            running = NbdServer.onSocket(devices.run().path().resolve("nbd.sock"));
            backups = running;
        }
        return running;
    }

    private synchronized NbdServer exports() throws IOException {
        NbdServer running = exports;
        if (running == null) {
            running = NbdServer.onSocket(devices.run().path().resolve("export.sock"), MOST_EXPORT_CONNECTIONS, 1);
            exports = running;
        }
        return running;
    }
}
