package org.tidemark.appliance.service;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.os.MountEntry;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.server.ControlClient;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.Fields;
import org.tidemark.ploop.server.RunFolder;
import org.tidemark.ploop.server.ServerLauncher;

/** The device server of this host, started when it is needed. */
public final class DataPlane implements Closeable {
    /** Says that somebody else starts the data plane. */
    public static final String EXTERNAL = "external";

    private static final Duration ATTACH_LIMIT = Duration.ofSeconds(120);

    private final RunFolder run;
    private final ControlClient client;

    private DataPlane(RunFolder run, ControlClient client) {
        this.run = run;
        this.client = client;
    }

    /**
     * Connects; starts holder and device server when they do not run, unless {@code TIDEMARK_DATA_PLANE=external} says that
     * somebody else does (in a pod they would end with it).
     */
    public static DataPlane connect(Map<String, String> environment) throws IOException {
        return connect(
                RunFolder.ofEnvironment(environment),
                EXTERNAL.equals(environment.getOrDefault("TIDEMARK_DATA_PLANE", "")));
    }

    /**
     * Connects.
     *
     * @param external somebody else starts the data plane; when it does not run that is an error
     */
    public static DataPlane connect(RunFolder run, boolean external) throws IOException {
        return new DataPlane(
                run,
                external ? ControlClient.connect(run, ControlClient.USUAL_LIMIT) : ServerLauncher.ensureRunning(run));
    }

    /** Connects if the device server runs. */
    public static Optional<DataPlane> connectIfRunning(Map<String, String> environment) throws IOException {
        return connectIfRunning(RunFolder.ofEnvironment(environment));
    }

    /** Connects if the device server of this run folder runs. */
    public static Optional<DataPlane> connectIfRunning(RunFolder run) throws IOException {
        try {
            return Optional.of(new DataPlane(run, ControlClient.connect(run, ControlClient.USUAL_LIMIT)));
        } catch (org.tidemark.ploop.server.ControlException e) {
            if (e.kind() == org.tidemark.ploop.server.ControlException.Kind.DISCONNECTED) {
                return Optional.empty();
            }
            throw e;
        }
    }

    public RunFolder run() {
        return run;
    }

    public ControlClient client() {
        return client;
    }

    /**
     * How an image is attached.
     *
     * @param settings what {@link ControlClient.Settings} are not the usual ones
     */
    public record AttachOptions(
            @Nullable String name,
            boolean readOnly,
            boolean recover,
            boolean wholeDisk,
            boolean whileConnected,
            Fields settings) {
        public static final AttachOptions USUAL = new AttachOptions(null, false, false, false, false, Fields.NONE);

        /** For the time of one job: when this process dies the device server detaches it. */
        public static final AttachOptions FOR_ONE_JOB = new AttachOptions(null, false, false, false, true, Fields.NONE);
    }

    public AttachedDevice attach(Path image, AttachOptions options) throws IOException {
        if (!Files.exists(image)) {
            throw new NoSuchFileException(image + ": there is no such image");
        }
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("image", image.toRealPath().toString());
        fields.put("readOnly", options.readOnly());
        fields.put("whileConnected", options.whileConnected());
        Map<String, Object> more = new LinkedHashMap<>(options.settings().values());
        more.put("recover", options.recover());
        more.put("wholeDisk", options.wholeDisk());
        fields.put("options", more);
        if (options.name() != null) {
            fields.put("device", options.name());
        }
        Fields answer = client.request("attach", new Fields(fields), ATTACH_LIMIT);
        String id = answer.text("device");
        return find(id).orElseThrow(() -> new IOException(id + ": went away while it was attached"));
    }

    /**
     * A device by its name, its image or its block device. Snapshots beside an image are not meant by its path. A word that
     * says which it is by itself is not looked up in any file system: the image's disk, or a FUSE mount, may hang.
     */
    public Optional<AttachedDevice> find(String word) throws IOException {
        Path path = Path.of(word).toAbsolutePath();
        List<AttachedDevice> devices = client.devices();
        for (AttachedDevice device : devices) {
            boolean ofImage = device.image().equals(path) && device.level().isEmpty();
            if (device.deviceId().equals(word) || device.blockDevice().equals(word) || ofImage) {
                return Optional.of(device);
            }
        }
        boolean mayHang = Mounts.containing(path.normalize())
                .filter(mount -> isFuse(mount))
                .isPresent();
        if (mayHang || !Files.exists(path)) {
            return Optional.empty();
        }
        Path real = path.toRealPath();
        return devices.stream()
                .filter(device -> device.image().equals(real) && device.level().isEmpty())
                .findFirst();
    }

    private static boolean isFuse(MountEntry mount) {
        return mount.type().equals("fuse") || mount.type().startsWith("fuse.");
    }

    /** As {@link #find}; it must be there. */
    public AttachedDevice require(String word) throws IOException {
        return find(word)
                .orElseThrow(() -> new NoSuchFileException(
                        "no device, image or block device '" + word + "' is attached; 'tidemark devices' lists them"));
    }

    /** Attaches a snapshot of an image beside it; what is written goes to an overlay that ends with the device. */
    public AttachedDevice attachSnapshot(Path image, String guid, String name) throws IOException {
        Fields wanted =
                Fields.of("image", image.toRealPath().toString(), "device", name, "options", Map.of("level", guid));
        String id = client.request("attach", wanted, ATTACH_LIMIT).text("device");
        return find(id).orElseThrow(() -> new IOException(id + ": went away while it was attached"));
    }

    /** Where the file system of a device is mounted, as this process sees it. */
    public static List<Path> mountPoints(AttachedDevice device) throws IOException {
        if (device.blockDevice().isEmpty()) {
            return List.of();
        }
        Path name = Path.of(device.blockDevice()).getFileName();
        String number = Files.readString(Path.of("/sys/block/" + name + "/dev")).strip();
        List<Path> points = new ArrayList<>();
        for (MountEntry entry : Mounts.table()) {
            // btrfs has a device number of its own; its mounts are known by what was mounted.
            if (entry.device().equals(number) || entry.source().equals(device.blockDevice())) {
                points.add(entry.mountPoint());
            }
        }
        return points;
    }

    /** Unmounts what is mounted from the device, then detaches it. */
    public void detach(AttachedDevice device, Duration limit) throws IOException {
        for (Path point : mountPoints(device)) {
            Mounts.unmount(point);
        }
        client.detach(device.deviceId(), limit);
    }

    /**
     * Takes the device away by force, whoever uses it and whatever its disk does: they get I/O errors, and what is mounted
     * from it goes, too.
     *
     * @return whether its image is closed; else that happens as soon as its disk answers
     */
    public boolean abort(AttachedDevice device, Duration limit) throws IOException {
        List<Path> points = mountPoints(device);
        boolean closed = client.abort(device.deviceId(), limit);
        // Only now: with nobody to answer, the last user of a file system would wait in its unmount.
        for (Path point : points) {
            Mounts.unmountLazily(point);
        }
        return closed;
    }

    @Override
    public void close() {
        client.close();
    }
}
