package org.tidemark.ploop.device;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.tidemark.ploop.io.ImageException;

/**
 * Several devices held at one moment: none of them takes a write until this is closed, and what was under way has ended. The
 * thread that holds them may exchange their chains or open views meanwhile; it closes this, too.
 */
public final class HeldDevices implements Closeable {
    private final List<PloopDevice> devices = new ArrayList<>();

    private HeldDevices() {}

    /**
     * Holds each device once, in an order that all who hold several share: two of them never wait for each other.
     *
     * @param timeoutNanos how long the writes under way on one device may take to end
     * @throws ImageException of kind IN_USE when they did not end in time; nothing is held then
     */
    public static HeldDevices hold(List<PloopDevice> wanted, long timeoutNanos) throws IOException {
        HeldDevices held = new HeldDevices();
        List<PloopDevice> inOrder = wanted.stream()
                .distinct()
                .sorted(Comparator.comparing(PloopDevice::name))
                .toList();
        for (PloopDevice device : inOrder) {
            if (!device.quiesce(timeoutNanos)) {
                held.close();
                throw new ImageException(
                        ImageException.Kind.IN_USE,
                        device.name() + ": writes under way did not end within " + timeoutNanos / 1_000_000
                                + " ms; try again");
            }
            held.devices.add(device);
        }
        return held;
    }

    @Override
    public void close() {
        devices.forEach(PloopDevice::relax);
        devices.clear();
    }
}
