package org.tidemark.ploop.server;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.tidemark.ploop.chain.ImagePlace;

/**
 * A connection to a device server. One request at a time; calls from several threads wait for each other. After a time-out or
 * a disconnect the connection is of no use any more. Every failure is a {@link ControlException} with a kind.
 */
public final class ControlClient implements Closeable {
    /** Protocol versions that this client speaks. */
    static final int LOWEST_PROTOCOL = 1;

    static final int HIGHEST_PROTOCOL = 2;

    /** Long enough for what the server answers from memory. */
    public static final Duration USUAL_LIMIT = Duration.ofSeconds(10);

    private static final Duration OWN_SERVER_LIMIT = Duration.ofSeconds(40);

    private final RunFolder run;
    private final LineChannel channel;
    private final Fields greeting;
    private long lastId;
    private boolean broken;

    private ControlClient(RunFolder run, LineChannel channel, Duration limit) throws IOException {
        this.run = run;
        this.channel = channel;
        this.greeting = request(
                "hello",
                Fields.of(
                        "protocol",
                        Fields.of("lowest", LOWEST_PROTOCOL, "highest", HIGHEST_PROTOCOL)
                                .values()),
                limit);
    }

    /** Connects to the device server of {@code run}; DISCONNECTED when none listens there. */
    public static ControlClient connect(RunFolder run, Duration limit) throws ControlException {
        LineChannel channel;
        try {
            channel = LineChannel.connect(run.controlSocket());
        } catch (IOException e) {
            throw new ControlException(
                    ControlException.Kind.DISCONNECTED, "no device server listens at " + run.controlSocket(), e);
        }
        try {
            return new ControlClient(run, channel, limit);
        } catch (IOException e) {
            closeQuietly(channel);
            throw ControlException.of(e);
        }
    }

    /** Whether it is of no use any more. */
    public synchronized boolean broken() {
        return broken;
    }

    /** What the server said of itself: protocol, pid, generation. */
    public Fields greeting() {
        return greeting;
    }

    /** Runs any command. */
    public synchronized Fields request(String command, Fields arguments, Duration limit) throws ControlException {
        if (broken) {
            throw new ControlException(ControlException.Kind.DISCONNECTED, "the connection is closed");
        }
        long id = ++lastId;
        String answer;
        try {
            channel.write(
                    Fields.of("id", id, "command", command, "arguments", arguments.values())
                            .toJson(),
                    limit);
            answer = channel.read(limit);
        } catch (ControlException e) {
            broken = true;
            closeQuietly(channel);
            throw new ControlException(e.kind(), command + ": " + e.getMessage(), e);
        } catch (IOException e) {
            broken = true;
            closeQuietly(channel);
            throw new ControlException(
                    ControlException.Kind.DISCONNECTED, command + ": the device server went away", e);
        }
        if (answer == null) {
            broken = true;
            closeQuietly(channel);
            throw new ControlException(ControlException.Kind.DISCONNECTED, command + ": the device server went away");
        }
        return result(Fields.parse(answer), id);
    }

    private static Fields result(Fields answer, long id) throws ControlException {
        if (answer.number("id", -1) != id) {
            throw new ControlException(ControlException.Kind.FAILED, "an answer to another request");
        }
        if (answer.values().containsKey("error")) {
            Fields error = answer.object("error");
            String kind = error.text("kind", "FAILED");
            throw new ControlException(kindOf(kind), error.text("message", kind));
        }
        return answer.object("result");
    }

    /** A newer server may know kinds that we do not. */
    private static ControlException.Kind kindOf(String name) {
        for (ControlException.Kind kind : ControlException.Kind.values()) {
            if (kind.name().equals(name)) {
                return kind;
            }
        }
        return ControlException.Kind.FAILED;
    }

    /** Attaches an image; the answer describes the device. */
    public AttachedDevice attach(AttachRequest request, Duration limit) throws ControlException {
        return attach(request.toFields(), limit);
    }

    /** The same; {@code wanted} has what an {@link AttachRequest} has, and may leave its name to the server. */
    public AttachedDevice attach(Fields wanted, Duration limit) throws ControlException {
        return device(request("attach", wanted, limit));
    }

    /** Detaches a device; BUSY when it is mounted or open. */
    public void detach(String deviceId, Duration limit) throws ControlException {
        Fields arguments = Fields.of("device", deviceId, "limitMillis", limit.toMillis());
        request("detach", arguments, limit.plus(USUAL_LIMIT));
    }

    /**
     * Takes a device away by force: whoever uses it gets I/O errors. Does not wait for its disk.
     *
     * @param limit how long to wait for the image to be closed; it is closed in the background when its disk takes longer
     * @return whether the image is closed
     */
    public boolean abort(String deviceId, Duration limit) throws ControlException {
        Fields arguments = Fields.of("device", deviceId, "limitMillis", limit.toMillis());
        return request("device.abort", arguments, limit.plus(USUAL_LIMIT)).flag("imageClosed");
    }

    /**
     * Makes the disk of a device larger, with its partition; see {@link SizeCommands}.
     *
     * @return the device, with the size it has now
     */
    public AttachedDevice resize(String deviceId, long sizeBytes, Duration limit) throws ControlException {
        return device(request("resize", Fields.of("device", deviceId, "sizeBytes", sizeBytes), limit));
    }

    public List<AttachedDevice> devices() throws ControlException {
        return devices(USUAL_LIMIT);
    }

    /** What is attached at this server; TIME_OUT when it is silent for so long. */
    public List<AttachedDevice> devices(Duration limit) throws ControlException {
        List<AttachedDevice> devices = new java.util.ArrayList<>();
        for (Fields one : request("devices", Fields.NONE, limit).objects("devices")) {
            devices.add(device(one));
        }
        return devices;
    }

    private AttachedDevice device(Fields fields) throws ControlException {
        return AttachedDevice.of(run, fields);
    }

    /**
     * Sees to it that an image on NFS has its own device server, which ends by itself some time after its last device.
     *
     * @return the run folder of that server, where it listens
     */
    public RunFolder ensureOwnServer(ImagePlace image) throws ControlException {
        Fields arguments = Fields.of("image", image.toString());
        return new RunFolder(
                Path.of(request("server.ensure", arguments, OWN_SERVER_LIMIT).text("run")));
    }

    public Fields status() throws ControlException {
        return request("status", Fields.NONE, USUAL_LIMIT);
    }

    /** Stops device server and holder; BUSY when anything is attached. */
    public void shutdown() throws ControlException {
        request("shutdown", Fields.NONE, USUAL_LIMIT);
    }

    private static void closeQuietly(LineChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // Nobody reads from it any more.
        }
    }

    @Override
    public synchronized void close() {
        broken = true;
        closeQuietly(channel);
    }

    /**
     * A device as the server reports it. {@code blockDevice} is empty while there is none, {@code level} unless it is a
     * snapshot of the image, {@code trouble} unless something is wrong with it: then it is a sentence.
     *
     * @param server the run folder of the device server that serves it
     */
    public record AttachedDevice(
            RunFolder server,
            String deviceId,
            ImagePlace image,
            boolean readOnly,
            String state,
            String blockDevice,
            long sizeBytes,
            String level,
            String trouble,
            long waitingForSpace,
            Settings settings) {
        static AttachedDevice of(RunFolder server, Fields fields) throws ControlException {
            return new AttachedDevice(
                    server,
                    fields.text("device"),
                    ImagePlace.of(fields.text("image")),
                    fields.flag("readOnly"),
                    fields.text("state"),
                    fields.text("blockDevice", ""),
                    fields.number("sizeBytes", 0),
                    fields.text("level", ""),
                    fields.text("trouble", ""),
                    fields.number("waitingForSpace", 0),
                    Settings.of(fields.object("settings")));
        }
    }

    /**
     * What can be set of a device while it is attached.
     *
     * @param onFull {@code wait} or {@code error}: what a write does that finds the disk below full
     * @param iops requests a second; 0 for no limit, as {@code bytesPerSecond}
     * @param burstMillis what the limits allow in this time may be done at once after a rest
     */
    public record Settings(String onFull, long iops, long bytesPerSecond, long burstMillis) {
        static Settings of(Fields fields) throws ControlException {
            return new Settings(
                    fields.text("onFull", ""),
                    fields.number("iops", 0),
                    fields.number("bytesPerSecond", 0),
                    fields.number("burstMillis", 0));
        }
    }

    /** Changes the settings that {@code changes} names, as in {@link Settings}; the others stay. */
    public AttachedDevice set(String deviceId, Fields changes) throws ControlException {
        java.util.Map<String, Object> arguments = new java.util.LinkedHashMap<>(changes.values());
        arguments.put("device", deviceId);
        return device(request("device.set", new Fields(arguments), USUAL_LIMIT.plus(USUAL_LIMIT)));
    }
}
