package org.tidemark.appliance.service;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ImageLayout;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.MountEntry;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.server.ControlClient;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.ControlException;
import org.tidemark.ploop.server.Fields;
import org.tidemark.ploop.server.RecordedDevices;
import org.tidemark.ploop.server.RunFolder;
import org.tidemark.ploop.server.ServerLauncher;

/**
 * The device server of this host, started when it is needed, and those of images on NFS, one for each, which it starts. Devices
 * of all of them are found here. Requests of several threads wait for each other.
 */
public final class DataPlane implements Closeable {
    /** Says that somebody else starts the data plane. */
    public static final String EXTERNAL = "external";

    private static final Duration ATTACH_LIMIT = Duration.ofSeconds(120);

    private static final Duration SERVER_ENDS_WITHIN = Duration.ofSeconds(10);
    private static final long LOOK_AGAIN_NANOS = 50_000_000;
    /** A device server of one image that is silent for so long is not waited for. */
    private static final Duration OWN_ANSWER_LIMIT = Duration.ofSeconds(2);

    private final RunFolder run;
    private final ControlClient client;
    /** Connections to device servers of one image, by their run folder. */
    private final Map<RunFolder, ControlClient> own = new LinkedHashMap<>();

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
        } catch (ControlException e) {
            if (e.kind() == ControlException.Kind.DISCONNECTED) {
                return Optional.empty();
            }
            throw e;
        }
    }

    public RunFolder run() {
        return run;
    }

    /** A connection to the host's device server. */
    public ControlClient client() {
        return client;
    }

    /** A connection to the device server of this device. */
    public ControlClient client(AttachedDevice device) throws IOException {
        return client(device.server());
    }

    private synchronized ControlClient client(RunFolder server) throws IOException {
        if (server.equals(run)) {
            return client;
        }
        ControlClient known = own.get(server);
        if (known == null || known.broken()) {
            known = ControlClient.connect(server, ControlClient.USUAL_LIMIT);
            own.put(server, known);
        }
        return known;
    }

    /**
     * What is attached. Devices of a server of one image that is silent, or not there, are listed as its run folder tells, in
     * the states of {@link RecordedDevices}.
     */
    public List<AttachedDevice> devices() throws IOException {
        List<AttachedDevice> devices = new ArrayList<>(client.devices());
        devices.addAll(OwnServerDevices.devices(run.own(), OWN_ANSWER_LIMIT));
        return devices;
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
        return attach(ImagePlace.of(image), options);
    }

    public AttachedDevice attach(ImagePlace image, AttachOptions options) throws IOException {
        ImagePlace real = image.real();
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("image", real.toString());
        fields.put("readOnly", options.readOnly());
        fields.put("whileConnected", options.whileConnected());
        Map<String, Object> more = new LinkedHashMap<>(options.settings().values());
        more.put("recover", options.recover());
        more.put("wholeDisk", options.wholeDisk());
        fields.put("options", more);
        if (options.name() != null) {
            fields.put("device", options.name());
        }
        return attach(real, new Fields(fields));
    }

    private AttachedDevice attach(ImagePlace image, Fields wanted) throws IOException {
        return image.nfs().isEmpty() ? client.attach(wanted, ATTACH_LIMIT) : attachAtOwnServer(image, wanted);
    }

    /** A server that was about to end because nothing is attached does end; then there is another one. */
    private AttachedDevice attachAtOwnServer(ImagePlace image, Fields wanted) throws IOException {
        long end = System.nanoTime() + SERVER_ENDS_WITHIN.toNanos();
        while (true) {
            RunFolder server = client.ensureOwnServer(image);
            try {
                return client(server).attach(wanted, ATTACH_LIMIT);
            } catch (ControlException e) {
                if (e.kind() != ControlException.Kind.DISCONNECTED || System.nanoTime() - end > 0) {
                    throw e;
                }
                LockSupport.parkNanos(LOOK_AGAIN_NANOS);
            }
        }
    }

    /**
     * A device by its name, its image or its block device. Snapshots beside an image are not meant by its path. A word that
     * says which it is by itself is not looked up in any file system: the image's disk, or a FUSE mount, may hang.
     */
    public Optional<AttachedDevice> find(String word) throws IOException {
        if (ImagePlace.isAddress(word)) {
            return findOwn(isOf(ImagePlace.of(word)));
        }
        Path path = Path.of(word).toAbsolutePath();
        List<AttachedDevice> ofHost = client.devices();
        Predicate<AttachedDevice> named =
                device -> device.deviceId().equals(word) || device.blockDevice().equals(word);
        Optional<AttachedDevice> found =
                ofHost.stream().filter(named.or(isOf(ImagePlace.of(path)))).findFirst();
        if (found.isPresent()) {
            return found;
        }
        found = findOwn(named);
        boolean mayHang = Mounts.containing(path.normalize())
                .filter(mount -> isFuse(mount))
                .isPresent();
        if (found.isPresent() || mayHang || !Files.exists(path)) {
            return found;
        }
        return ofHost.stream().filter(isOf(ImagePlace.of(path.toRealPath()))).findFirst();
    }

    private static Predicate<AttachedDevice> isOf(ImagePlace image) {
        return device -> device.image().equals(image) && device.level().isEmpty();
    }

    /** Among those of the servers of one image. One whose server was killed has a successor soon. */
    private Optional<AttachedDevice> findOwn(Predicate<AttachedDevice> wanted) throws IOException {
        long end = System.nanoTime() + SERVER_ENDS_WITHIN.toNanos();
        while (true) {
            Optional<AttachedDevice> found = OwnServerDevices.devices(run.own(), OWN_ANSWER_LIMIT).stream()
                    .filter(wanted)
                    .findFirst();
            boolean soon = found.isPresent() && found.get().state().equals(RecordedDevices.NOT_RUNNING);
            if (!soon || System.nanoTime() - end > 0) {
                return found;
            }
        }
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

    /**
     * Attaches a snapshot of an image beside it; what is written goes to an overlay that ends with the device.
     *
     * @param whileConnected the device server detaches it when this object is closed, or this process dies
     */
    public AttachedDevice attachSnapshot(ImagePlace image, String guid, String name, boolean whileConnected)
            throws IOException {
        ImagePlace real = image.real();
        return attach(
                real,
                Fields.of(
                        "image",
                        real.toString(),
                        "device",
                        name,
                        "whileConnected",
                        whileConnected,
                        "options",
                        Map.of("level", guid)));
    }

    /**
     * Devices have one instant together only when one device server holds all of them.
     *
     * @throws ImageException UNSUPPORTED when they have several
     */
    public static void requireOneServer(Collection<AttachedDevice> devices) throws ImageException {
        if (devices.stream().map(AttachedDevice::server).distinct().count() > 1) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    "there is no common instant of several images when one of them lies on NFS, because that has a device"
                            + " server of its own; take each alone");
        }
    }

    /** Where the file system of a device is mounted, as this process sees it. */
    public static List<Path> mountPoints(AttachedDevice device) throws IOException {
        if (device.blockDevice().isEmpty()) {
            return List.of();
        }
        Path blockDevice = Path.of(device.blockDevice());
        String number = Files.readString(Path.of("/sys/block/" + blockDevice.getFileName() + "/dev"))
                .strip();
        List<Path> points = new ArrayList<>();
        for (MountEntry entry : Mounts.table()) {
            if (entry.isOf(number, blockDevice)) {
                points.add(entry.mountPoint());
            }
        }
        return points;
    }

    /** Unmounts what is mounted from the device, then detaches it. */
    public void detach(AttachedDevice device, Duration limit) throws IOException {
        // To unmount writes: with a server that is silent, that would wait without a limit.
        client(device);
        for (Path point : mountPoints(device)) {
            Mounts.unmount(point);
        }
        detachUnmounted(device, limit);
    }

    /** Detaches what is mounted nowhere. */
    public void detachUnmounted(AttachedDevice device, Duration limit) throws IOException {
        client(device).detach(device.deviceId(), limit);
    }

    /**
     * How the image of a device lies in files. Of an image on NFS its device server tells it: this process speaks to no NFS
     * server.
     */
    public ImageLayout layout(AttachedDevice device) throws IOException {
        if (device.image().path().isPresent()) {
            return ImageLayout.of(AttachedImage.filesOf(device.image()));
        }
        Fields layout = client(device)
                .request("image.layout", Fields.of("device", device.deviceId()), ControlClient.USUAL_LIMIT);
        return new ImageLayout(
                layout.flag("folder"), layout.text("format"), Math.toIntExact(layout.number("clusterBytes")));
    }

    /**
     * Takes the device away by force, whoever uses it and whatever its disk does: they get I/O errors, and what is mounted
     * from it goes, too.
     *
     * @return whether its image is closed; else that happens as soon as its disk answers
     */
    public boolean abort(AttachedDevice device, Duration limit) throws IOException {
        List<Path> points = mountPoints(device);
        boolean closed = client(device).abort(device.deviceId(), limit);
        // Only now: with nobody to answer, the last user of a file system would wait in its unmount.
        for (Path point : points) {
            Mounts.unmountLazily(point);
        }
        return closed;
    }

    @Override
    public synchronized void close() {
        own.values().forEach(ControlClient::close);
        client.close();
    }
}
