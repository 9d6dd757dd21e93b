package org.tidemark.ploop.server;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** The device server of the product: real images, views for backups, NBD. */
public final class PloopServerModule implements ServerModule {
    private final AtomicReference<@Nullable RunFolder> run = new AtomicReference<>();

    @Override
    public DeviceOpener opener() {
        return new ImageOpener(this::generation);
    }

    private long generation() {
        RunFolder known = run.get();
        try {
            return known == null
                    ? 0
                    : ServerRecord.read(known).map(ServerRecord::generation).orElse(0L);
        } catch (IOException e) {
            return 0;
        }
    }

    @Override
    public void register(ControlCommands commands, ServedDevices devices) {
        run.set(devices.run());
        new ViewCommands(devices).register(commands);
        new SnapshotCommands(devices).register(commands);
        new SizeCommands(devices).register(commands);
    }
}
