package org.tidemark.ploop.server;

/**
 * The size of an attached disk.
 *
 * <ul>
 *   <li>{@code resize}: makes the disk at least {@code sizeBytes} large, with its partition; the block device has the new size
 *       when the answer comes. The file system is the caller's. Repeated, it goes on where it was broken off.
 * </ul>
 */
final class SizeCommands {
    private final ServedDevices devices;

    SizeCommands(ServedDevices devices) {
        this.devices = devices;
    }

    void register(ControlCommands commands) {
        commands.add("resize", (arguments, session) -> devices.find(arguments.text("device"))
                .grow(arguments.number("sizeBytes")));
    }
}
