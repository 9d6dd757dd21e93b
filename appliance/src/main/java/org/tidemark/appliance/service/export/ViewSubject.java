package org.tidemark.appliance.service.export;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.attach.nbd.NbdClient;
import org.tidemark.ploop.device.attach.nbd.NbdExport;
import org.tidemark.ploop.server.Fields;

/** A view of one instant. It lives as long as the connection that asked for it, which this object closes at the end. */
final class ViewSubject implements Exports.Subject {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String DIRTY = "qemu:dirty-bitmap:";

    private final DataPlane plane;
    private final String deviceId;
    private final String consumer;
    private final String viewId;
    private final String checkpoint;
    private final boolean tracked;
    private final Map<String, NbdExport.DirtyContext> bitmaps;
    private final @Nullable String notice;
    private final RemoteDevice device;

    /**
     * @param plane owned by this object once it is made
     * @param answer what the device server said to the request for the instant
     * @param frozenNotice why it was not frozen; empty when it was
     */
    ViewSubject(DataPlane plane, String deviceId, String consumer, Fields answer, String frozenNotice)
            throws IOException {
        Fields view = answer.objects("views").get(0);
        this.plane = plane;
        this.deviceId = deviceId;
        this.consumer = consumer;
        this.viewId = view.text("view");
        this.checkpoint = view.text("checkpoint");
        this.tracked = view.flag("tracked");
        this.device =
                new RemoteDevice(deviceId, new ViewSource(Path.of(answer.text("socket")), view.text("export")), false);
        String since = view.text("since", "");
        this.bitmaps = since.isEmpty() ? Map.of() : Map.of(since, device.dirty(DIRTY + view.text("bitmap")));
        List<String> notices = new ArrayList<>();
        if (since.isEmpty()) {
            notices.add("everything is to be read: " + view.text("reason", "no checkpoint was given"));
        }
        if (!frozenNotice.isEmpty()) {
            notices.add("the file system was not frozen: " + frozenNotice);
        }
        this.notice = notices.isEmpty() ? null : String.join("; ", notices);
    }

    /** With its device server the view is gone. */
    private record ViewSource(Path socket, String export) implements RemoteDevice.Source {
        @Override
        public NbdClient connect(List<String> contexts) throws IOException {
            return NbdClient.connect(socket, export, contexts);
        }

        @Override
        public boolean comesBack() {
            return false;
        }

        @Override
        public void close() {
            // What keeps the view is closed at the end of the export.
        }
    }

    @Override
    public String what() {
        return "device " + deviceId + " at one instant";
    }

    @Override
    public BlockDevice device() {
        return device;
    }

    @Override
    public boolean takesTrim() {
        return true;
    }

    @Override
    public Map<String, NbdExport.DirtyContext> bitmaps() {
        return bitmaps;
    }

    @Override
    public @Nullable String checkpoint() {
        return tracked ? checkpoint : null;
    }

    @Override
    public @Nullable String notice() {
        return notice;
    }

    @Override
    public void end(boolean done) throws IOException {
        device.close();
        try (DataPlane closing = plane) {
            if (done && tracked) {
                closing.client()
                        .request(
                                "cbt.commit",
                                Fields.of("device", deviceId, "consumer", consumer, "checkpoint", checkpoint),
                                LIMIT);
            }
            closing.client().request("view.close", Fields.of("view", viewId), LIMIT);
        }
    }
}
