package org.tidemark.ploop.server;

import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ImageTracking;
import org.tidemark.ploop.device.tracker.ChangedRanges;
import org.tidemark.ploop.device.tracker.ImageRange;

/**
 * What a live copy of the file that an attached image is written to asks of its device server. The copier reads the file itself.
 *
 * <ul>
 *   <li>{@code copy.begin}: changes are tracked from now on, until {@code copy.end} or until the client goes away. With {@code
 *       again}: goes on with what a killed device server left
 *   <li>{@code copy.changed}: ranges that changed, in ascending order from a position on; as {@code position+length}, in bytes
 *   <li>{@code copy.clear}: ranges count as unchanged; the client reads them next. So both can be repeated when the answer was
 *       lost
 *   <li>{@code copy.status}: how much is waiting, how long the file is
 *   <li>{@code copy.hold}: everything is in the file, and nothing is written until {@code copy.release}, or the limit is over
 *   <li>{@code copy.throttle}: writers and readers do so many bytes a second at most, until the copy ends
 *   <li>{@code copy.release}: says whether it was held until now
 *   <li>{@code copy.detach}: detaches the device, and tells what was not copied yet, with what the closing wrote. The file is
 *       that of a closed image then
 * </ul>
 */
final class CopyCommands {
    private static final long MAX_RANGES = 4_096;

    private final ServedDevices devices;
    /** Devices that are slower for the sake of a copy. */
    private final AtomicInteger open = new AtomicInteger();

    private final Set<String> throttled = ConcurrentHashMap.newKeySet();

    CopyCommands(ServedDevices devices) {
        this.devices = devices;
    }

    void register(ControlCommands commands) {
        commands.add("copy.begin", this::begin);
        commands.add("copy.changed", (arguments, session) -> changed(arguments));
        commands.add("copy.clear", (arguments, session) -> clear(arguments));
        commands.add("copy.status", (arguments, session) -> status(tracking(arguments)));
        commands.add("copy.hold", (arguments, session) -> hold(arguments));
        commands.add(
                "copy.release",
                (arguments, session) -> Fields.of("held", tracking(arguments).release()));
        commands.add("copy.throttle", (arguments, session) -> throttle(arguments));
        commands.add("copy.detach", (arguments, session) -> detach(arguments));
        commands.add("copy.end", (arguments, session) -> end(arguments));
    }

    /** Copies under way. */
    List<String> underWay() {
        int copies = open.get();
        return copies == 0 ? List.of() : List.of(copies + " copy/copies of an image in use are under way");
    }

    private AttachedImage image(Fields arguments) throws ControlException {
        String deviceId = arguments.text("device");
        if (devices.find(deviceId).device() instanceof AttachedImage image) {
            return image;
        }
        throw new ControlException(
                ControlException.Kind.FAILED, deviceId + ": is broken; detach it and check the image");
    }

    private ImageTracking tracking(Fields arguments) throws ControlException {
        return image(arguments)
                .tracking()
                .orElseThrow(() -> new ControlException(
                        ControlException.Kind.NOT_FOUND, arguments.values().get("device") + ": is not being copied"));
    }

    private Fields begin(Fields arguments, ControlSession session) throws IOException {
        AttachedImage image = image(arguments);
        ImageTracking tracking = arguments.flag("again") ? left(image) : image.beginTracking();
        session.own(new Copy(arguments.text("device"), tracking));
        return status(tracking);
    }

    /** What ends with its client. */
    private final class Copy implements Closeable {
        private final String deviceId;
        private final ImageTracking tracking;

        Copy(String deviceId, ImageTracking tracking) {
            this.deviceId = deviceId;
            this.tracking = tracking;
            open.incrementAndGet();
        }

        @Override
        public void close() throws IOException {
            open.decrementAndGet();
            try (tracking) {
                unthrottle(deviceId);
            }
        }
    }

    private Fields throttle(Fields arguments) throws IOException {
        tracking(arguments);
        String deviceId = arguments.text("device");
        long bytes = arguments.number("bytesPerSecond");
        throttled.add(deviceId);
        devices.find(deviceId).throttle(bytes);
        return Fields.NONE;
    }

    private static ImageTracking left(AttachedImage image) throws ControlException {
        Optional<ImageTracking> left = image.tracking();
        if (left.isEmpty() || !left.get().adopt()) {
            throw new ControlException(
                    ControlException.Kind.NOT_FOUND, image.name() + ": there is no copy to go on with; begin anew");
        }
        return left.get();
    }

    private static Fields status(ImageTracking tracking) throws IOException {
        return Fields.of(
                "file", tracking.file(),
                "format", tracking.formatId(),
                "sizeBytes", tracking.sizeBytes(),
                "waitingBytes", tracking.waitingBytes());
    }

    private Fields changed(Fields arguments) throws IOException {
        ImageTracking tracking = tracking(arguments);
        long ranges = Math.max(1, Math.min(MAX_RANGES, arguments.number("maxRanges", MAX_RANGES)));
        long bytes = arguments.number("maxBytes", Long.MAX_VALUE);
        List<String> found = new ArrayList<>();
        for (ImageRange range : tracking.marked(arguments.number("from", 0), (int) ranges, bytes)) {
            found.add(text(range));
        }
        return Fields.of("ranges", found);
    }

    private Fields clear(Fields arguments) throws IOException {
        ImageTracking tracking = tracking(arguments);
        for (String text : arguments.texts("ranges")) {
            tracking.clear(range(text));
        }
        return Fields.NONE;
    }

    /** As it stands in requests and answers. */
    static ImageRange range(String text) {
        String[] numbers = text.split("\\+", 2);
        return new ImageRange(Long.parseLong(numbers[0]), Long.parseLong(numbers[numbers.length - 1]));
    }

    private Fields hold(Fields arguments) throws IOException {
        ImageTracking tracking = tracking(arguments);
        tracking.hold(Duration.ofMillis(arguments.number("limitMillis")));
        return status(tracking);
    }

    /** When it fails the device goes on, and the copy has ended. */
    private Fields detach(Fields arguments) throws IOException {
        String deviceId = arguments.text("device");
        ChangedRanges left = image(arguments).closeTracking();
        throttled.remove(deviceId);
        devices.detach(deviceId, Duration.ofMillis(arguments.number("limitMillis")));
        return Fields.of(
                "ranges",
                left.ranges((int) MAX_RANGES).stream().map(CopyCommands::text).toList());
    }

    private static String text(ImageRange range) {
        return range.positionBytes() + "+" + range.lengthBytes();
    }

    /** What it is tied to its client for ends with the connection, at once after this. */
    private Fields end(Fields arguments) throws IOException {
        unthrottle(arguments.text("device"));
        tracking(arguments).close();
        return Fields.NONE;
    }

    private void unthrottle(String deviceId) throws IOException {
        if (throttled.remove(deviceId)) {
            devices.find(deviceId).throttle(0);
        }
    }
}
