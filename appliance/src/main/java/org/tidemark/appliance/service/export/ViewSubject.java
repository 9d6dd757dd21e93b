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
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.Fields;

/** A view of one instant. It lives as long as the connection that asked for it, which this object closes at the end. */
final class ViewSubject implements Exports.Subject {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String DIRTY = "qemu:dirty-bitmap:";

    private final DataPlane plane;
    private final AttachedDevice attached;
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
    ViewSubject(DataPlane plane, AttachedDevice attached, String consumer, Fields answer, String frozenNotice)
            throws IOException {
        Fields view = answer.objects("views").get(0);
        this.plane = plane;
        this.attached = attached;
        this.consumer = consumer;
        this.viewId = view.text("view");
        this.checkpoint = view.text("checkpoint");
        this.tracked = view.flag("tracked");
        ViewSource source =
                new ViewSource(Path.of(answer.text("socket")), view.text("export"), view.number("sizeBytes"));
        this.device = new RemoteDevice(attached.deviceId(), source, false);
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
    private record ViewSource(Path socket, String export, long sizeBytes) implements RemoteDevice.Source {
        @Override
        public NbdClient connect(List<String> contexts) throws IOException {
            return NbdClient.connect(socket, export, contexts);
        }

        /** An instant has one size. */
        @Override
        public long sizeBytes() {
            return sizeBytes;
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
        return "device " + attached.deviceId() + " at one instant";
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
                closing.client(attached)
                        .request(
                                "cbt.commit",
                                Fields.of(
                                        "device", attached.deviceId(), "consumer", consumer, "checkpoint", checkpoint),
                                LIMIT);
            }
            closing.client(attached).request("view.close", Fields.of("view", viewId), LIMIT);
        }
    }
}
