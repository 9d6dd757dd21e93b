package org.tidemark.ploop.server;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The device server of the product: real images, views for backups, NBD. */
public final class PloopServerModule implements ServerModule {
    private final AtomicReference<@Nullable RunFolder> run = new AtomicReference<>();
    private volatile Supplier<List<String>> underWay = List::of;

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
    public List<String> activities() {
        return underWay.get();
    }

    @Override
    public void register(ControlCommands commands, ServedDevices devices) {
        run.set(devices.run());
        ViewCommands views = new ViewCommands(devices);
        views.register(commands);
        SnapshotCommands snapshots = new SnapshotCommands(devices);
        snapshots.register(commands);
        new SizeCommands(devices).register(commands);
        new UpkeepCommands(devices).register(commands);
        CopyCommands copies = new CopyCommands(devices);
        copies.register(commands);
        underWay = () -> {
            List<String> all = new ArrayList<>(views.underWay());
            all.addAll(snapshots.underWay());
            all.addAll(copies.underWay());
            return all;
        };
    }
}
