package org.tidemark.appliance.service.export;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.Host;
import org.tidemark.ploop.device.attach.nbd.NbdClient;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.Fields;

/** An attached device in whatever device server serves it just now: each exports it for as long as it is asked to. */
final class DeviceSource implements RemoteDevice.Source {
    private static final Duration LIMIT = Duration.ofSeconds(10);

    private final Host host;
    private final AttachedDevice device;
    /** Keeps the export; guarded by this. */
    private @Nullable DataPlane plane;

    private boolean closed;

    DeviceSource(Host host, AttachedDevice device) {
        this.host = host;
        this.device = device;
    }

    @Override
    public synchronized NbdClient connect(List<String> contexts) throws IOException {
        if (closed) {
            throw new IOException(device.deviceId() + ": is not exported any more");
        }
        Fields answer = exported();
        // A failure from here on says nothing about the export, which others use.
        return NbdClient.connect(Path.of(answer.text("socket")), answer.text("export"), contexts);
    }

    @Override
    public synchronized long sizeBytes() throws IOException {
        if (closed) {
            throw new IOException(device.deviceId() + ": is not exported any more");
        }
        Fields answer = exported();
        long told = answer.number("sizeBytes", -1);
        if (told >= 0) {
            return told;
        }
        // A device server from before an upgrade does not tell; a new connection does.
        try (NbdClient client = NbdClient.connect(Path.of(answer.text("socket")), answer.text("export"), List.of())) {
            return client.sizeBytes();
        }
    }

    private Fields exported() throws IOException {
        DataPlane current = plane;
        try {
            if (current == null) {
                current = host.connect();
                plane = current;
            }
            return current.client(device).request("nbd.export", Fields.of("device", device.deviceId()), LIMIT);
        } catch (IOException e) {
            letGo();
            throw e;
        }
    }

    @Override
    public boolean comesBack() {
        return true;
    }

    @Override
    public synchronized void close() {
        closed = true;
        letGo();
    }

    private void letGo() {
        DataPlane current = plane;
        plane = null;
        if (current != null) {
            current.close();
        }
    }
}
