package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.tidemark.ploop.device.tracker.ImageRange;
import org.tidemark.ploop.filesystem.ConsistencyGrade;
import org.tidemark.ploop.filesystem.FrozenInstant;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.direct.DirectImageDirectory;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.migrate.CopySource;

/**
 * The file that an attached image of this host is written to, with its device server to track what changes. A device server that
 * is killed has a successor, which goes on with the tracking: the copy goes on with it, too.
 */
public final class CopyClient implements CopySource {
    private static final Duration SERVER_ENDS_WITHIN = Duration.ofSeconds(30);
    private static final long LOOK_AGAIN_NANOS = 50_000_000L;
    private static final int MAX_RANGES = 1_024;
    private static final long MAX_BYTES = 64L << 20;

    private final RunFolder server;
    private final String deviceId;
    private final Pausing pausing;
    private final ImageIo file;
    private final String formatId;
    private ControlClient control;
    /** Where looking for changes goes on. */
    private long cursor;

    /** How the users of the image are paused. */
    public interface Pausing {
        /** Stops them, if that is wished for; whether it did. */
        boolean stop() throws IOException;

        /** Where the image is mounted then: what is frozen. */
        List<Path> mountPoints() throws IOException;

        /** For how long at most nobody may write. */
        Duration limit();
    }

    private CopyClient(
            RunFolder server, String deviceId, Pausing pausing, ControlClient control, ImageIo file, String formatId) {
        this.server = server;
        this.deviceId = deviceId;
        this.pausing = pausing;
        this.control = control;
        this.file = file;
        this.formatId = formatId;
    }

    /** From here on changes are tracked, until this is closed or the process ends. */
    public static CopyClient begin(RunFolder server, String deviceId, Pausing pausing) throws IOException {
        ControlClient control = ControlClient.connect(server, ControlClient.USUAL_LIMIT);
        boolean done = false;
        try {
            Fields begun = control.request("copy.begin", Fields.of("device", deviceId), ControlClient.USUAL_LIMIT);
            ImageIo file = open(Path.of(begun.text("file")));
            done = true;
            return new CopyClient(server, deviceId, pausing, control, file, begun.text("format"));
        } finally {
            if (!done) {
                control.close();
            }
        }
    }

    /** Past the page cache where that is possible: what is copied is not read again. */
    private static ImageIo open(Path file) throws IOException {
        Path folder = file.getParent();
        Path name = file.getFileName();
        if (folder == null || name == null || !file.isAbsolute()) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    file + ": is no file of this host, and cannot be copied while in use");
        }
        try {
            return new DirectImageDirectory(folder).open(name.toString(), ImageDirectory.OpenMode.READ_ONLY);
        } catch (ImageException e) {
            if (e.kind() != ImageException.Kind.UNSUPPORTED) {
                throw e;
            }
            return new VfsImageDirectory(folder).open(name.toString(), ImageDirectory.OpenMode.READ_ONLY);
        }
    }

    /** Every request may be made twice. */
    private Fields ask(String command, Object... more) throws IOException {
        Object[] arguments = new Object[more.length + 2];
        arguments[0] = "device";
        arguments[1] = deviceId;
        System.arraycopy(more, 0, arguments, 2, more.length);
        long end = System.nanoTime() + SERVER_ENDS_WITHIN.toNanos();
        while (true) {
            try {
                if (control.broken()) {
                    control = comeBack();
                }
                return control.request(command, Fields.of(arguments), ControlClient.USUAL_LIMIT.multipliedBy(3));
            } catch (ControlException e) {
                boolean again =
                        e.kind() == ControlException.Kind.DISCONNECTED || e.kind() == ControlException.Kind.BUSY;
                if (!again || !control.broken() || System.nanoTime() - end > 0) {
                    throw e;
                }
                LockSupport.parkNanos(LOOK_AGAIN_NANOS);
            }
        }
    }

    private ControlClient comeBack() throws IOException {
        ControlClient fresh = ControlClient.connect(server, ControlClient.USUAL_LIMIT);
        boolean done = false;
        try {
            fresh.request("copy.begin", Fields.of("device", deviceId, "again", true), ControlClient.USUAL_LIMIT);
            done = true;
            return fresh;
        } finally {
            if (!done) {
                fresh.close();
            }
        }
    }

    @Override
    public ImageIo file() {
        return file;
    }

    @Override
    public String formatId() {
        return formatId;
    }

    @Override
    public long sizeBytes() throws IOException {
        return ask("copy.status").number("sizeBytes");
    }

    @Override
    public long waitingBytes() throws IOException {
        return ask("copy.status").number("waitingBytes");
    }

    @Override
    public List<ImageRange> take() throws IOException {
        List<ImageRange> changed = changedFrom(cursor);
        if (changed.isEmpty() && cursor > 0) {
            cursor = 0;
            changed = changedFrom(0);
        }
        if (!changed.isEmpty()) {
            cursor = changed.get(changed.size() - 1).endBytes();
            clear(changed);
        }
        return changed;
    }

    private List<ImageRange> changedFrom(long position) throws IOException {
        List<ImageRange> changed = new ArrayList<>();
        Fields answer = ask("copy.changed", "from", position, "maxRanges", MAX_RANGES, "maxBytes", MAX_BYTES);
        for (String text : answer.texts("ranges")) {
            changed.add(CopyCommands.range(text));
        }
        return changed;
    }

    private void clear(List<ImageRange> ranges) throws IOException {
        ask(
                "copy.clear",
                "ranges",
                ranges.stream()
                        .map(one -> one.positionBytes() + "+" + one.lengthBytes())
                        .toList());
    }

    @Override
    public void clear(ImageRange range) throws IOException {
        clear(List.of(range));
    }

    @Override
    public void throttle(long bytesPerSecond) throws IOException {
        ask("copy.throttle", "bytesPerSecond", bytesPerSecond);
    }

    @Override
    public Pause paused(Body body) throws IOException {
        boolean stopped = pausing.stop();
        List<Path> mounts = pausing.mountPoints();
        FrozenInstant frozen = new FrozenInstant(new HolderWatchdog(server), pausing.limit());
        FrozenInstant.Outcome<Long> outcome = frozen.run(mounts, () -> whileHeld(body));
        boolean clean = outcome.grade() == ConsistencyGrade.FILESYSTEM || stopped && mounts.isEmpty();
        return new Pause(Math.max(outcome.frozenNanos(), outcome.value()), clean ? "" : outcome.notice());
    }

    private long whileHeld(Body body) throws IOException {
        long begun = System.nanoTime();
        ask("copy.hold", "limitMillis", pausing.limit().toMillis());
        boolean held;
        try {
            body.run();
        } finally {
            held = ask("copy.release").flag("held");
        }
        if (!held) {
            throw new ImageException(
                    ImageException.Kind.IN_USE,
                    deviceId + ": the last part took longer than "
                            + pausing.limit().toMillis()
                            + " ms, for which nobody may write at most; try again, with a longer limit");
        }
        return System.nanoTime() - begun;
    }

    /**
     * Detaches the device, which ends the tracking. Not repeated: when the answer is lost nobody knows what the closing wrote.
     *
     * @return what was not copied yet; the file is that of a closed image
     */
    public List<ImageRange> detach(Duration limit) throws IOException {
        Fields answer = control.request(
                "copy.detach",
                Fields.of("device", deviceId, "limitMillis", limit.toMillis()),
                limit.plus(ControlClient.USUAL_LIMIT));
        List<ImageRange> left = new ArrayList<>();
        for (String text : answer.texts("ranges")) {
            left.add(CopyCommands.range(text));
        }
        return left;
    }

    @Override
    public void close() throws IOException {
        try (file;
                ControlClient closing = control) {
            if (!closing.broken()) {
                closing.request("copy.end", Fields.of("device", deviceId), ControlClient.USUAL_LIMIT);
            }
        } catch (ControlException e) {
            // It ends with the connection, and what was copied is what it is.
            System.getLogger(CopyClient.class.getName()).log(System.Logger.Level.DEBUG, "ending the tracking", e);
        }
    }
}
