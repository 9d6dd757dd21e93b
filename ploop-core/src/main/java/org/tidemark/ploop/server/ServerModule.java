package org.tidemark.ploop.server;

import java.util.List;

/** What a device server is made of besides its frame: how devices are opened, and more commands. */
public interface ServerModule {
    DeviceOpener opener();

    /** What would end with this process, in words for people; empty when it may be replaced without loss. */
    default List<String> activities() {
        return List.of();
    }

    /** Adds commands. Called once, before the first connection. */
    default void register(ControlCommands commands, ServedDevices devices) {}
}
