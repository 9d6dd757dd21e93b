package org.tidemark.ploop.server;

/** The device server of the product: real images, views for backups, NBD. */
public final class PloopServerModule implements ServerModule {
    @Override
    public DeviceOpener opener() {
        return new ImageOpener();
    }

    @Override
    public void register(ControlCommands commands, ServedDevices devices) {
        new ViewCommands(devices).register(commands);
    }
}
