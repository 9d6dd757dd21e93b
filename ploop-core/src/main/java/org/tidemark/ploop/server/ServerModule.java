package org.tidemark.ploop.server;

/** What a device server is made of besides its frame: how devices are opened, and more commands. */
public interface ServerModule {
    DeviceOpener opener();

    /** Adds commands. Called once, before the first connection. */
    default void register(ControlCommands commands, ServedDevices devices) {}
}
