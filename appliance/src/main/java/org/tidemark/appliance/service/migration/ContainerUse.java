package org.tidemark.appliance.service.migration;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.MountEntry;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.server.ControlClient;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.Fields;

/**
 * How a container uses its images on a host: which devices they are, where those are mounted, and what runs on them. Taken down before
 * it is stopped, so that it can be started again as it was, here or on another host. Also the form in which it is written down.
 */
@JsonIgnoreProperties(ignoreUnknown = true)
record ContainerUse(List<ImageUse> images, @Nullable RuncUse runc) {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration DETACH_LIMIT = Duration.ofSeconds(30);

    private static final Map<String, Long> FLAGS = Map.of(
            "ro", Mounts.READ_ONLY,
            "nosuid", Mounts.NO_SUID,
            "nodev", Mounts.NO_DEV,
            "noexec", Mounts.NO_EXEC,
            "noatime", Mounts.NO_ATIME);

    /**
     * One image.
     *
     * @param deviceId empty when it is not attached
     * @param settings of the device
     */
    @JsonIgnoreProperties(ignoreUnknown = true)
    record ImageUse(String id, String path, String deviceId, Map<String, Object> settings, List<MountUse> mounts) {
        boolean isAttached() {
            return !deviceId.isEmpty();
        }

        ImageUse at(String otherPath) {
            return new ImageUse(id, otherPath, deviceId, settings, mounts);
        }
    }

    /** Where a file system is mounted, and how. */
    @JsonIgnoreProperties(ignoreUnknown = true)
    record MountUse(String mountPoint, String type, List<String> options) {}

    /**
     * What runc knows.
     *
     * @param config the bundle's config.json
     */
    @JsonIgnoreProperties(ignoreUnknown = true)
    record RuncUse(String root, String id, String bundle, String config, boolean runs) {}

    /** As it is now. */
    static ContainerUse of(DataPlane plane, ContainerEntry container) throws IOException {
        List<ImageUse> images = new ArrayList<>();
        for (ContainerEntry.Image image : container.images()) {
            Optional<AttachedDevice> device = plane.find(image.path());
            images.add(
                    device.isEmpty()
                            ? new ImageUse(image.id(), image.path(), "", Map.of(), List.of())
                            : new ImageUse(
                                    image.id(),
                                    image.path(),
                                    device.get().deviceId(),
                                    settings(device.get().settings()),
                                    mounts(device.get())));
        }
        return new ContainerUse(images, runcUse(container.runtime()));
    }

    private static Map<String, Object> settings(ControlClient.Settings settings) {
        Map<String, Object> values = new LinkedHashMap<>();
        if (!settings.onFull().isEmpty()) {
            values.put("onFull", settings.onFull());
        }
        values.put("iops", settings.iops());
        values.put("bytesPerSecond", settings.bytesPerSecond());
        values.put("burstMillis", settings.burstMillis());
        return values;
    }

    private static List<MountUse> mounts(AttachedDevice device) throws IOException {
        List<Path> points = DataPlane.mountPoints(device);
        List<MountUse> uses = new ArrayList<>();
        for (MountEntry entry : Mounts.table()) {
            if (points.contains(entry.mountPoint())
                    && uses.stream().noneMatch(one -> one.mountPoint()
                            .equals(entry.mountPoint().toString()))) {
                List<String> options = new ArrayList<>();
                entry.options().stream().filter(FLAGS::containsKey).forEach(options::add);
                entry.superOptions().stream()
                        .filter(option -> option.contains("quota") || option.equals("discard"))
                        .forEach(options::add);
                uses.add(new MountUse(entry.mountPoint().toString(), entry.type(), options));
            }
        }
        return uses;
    }

    private static @Nullable RuncUse runcUse(ContainerEntry.Runtime runtime) throws IOException {
        if (runtime.kind() != ContainerEntry.RuntimeKind.RUNC) {
            return null;
        }
        String root = String.valueOf(runtime.root());
        Optional<Runc.State> state = new Runc(root).state(runtime.id());
        if (state.isEmpty()) {
            throw ApplianceException.conflict("runc does not know container '" + runtime.id()
                    + "' now, so that how it is started is not known; start it, or register it anew by its images");
        }
        Path bundle = state.get().bundle();
        return new RuncUse(
                root,
                runtime.id(),
                bundle.toString(),
                Files.readString(bundle.resolve("config.json")),
                state.get().runs());
    }

    /** Reads what {@link #toMap} made. */
    static ContainerUse ofMap(@Nullable Object map) throws IOException {
        if (map == null) {
            throw ApplianceException.usage("how the container is used is not said");
        }
        return JSON.convertValue(map, ContainerUse.class);
    }

    @SuppressWarnings("unchecked")
    Map<String, Object> toMap() {
        return JSON.convertValue(this, Map.class);
    }

    ImageUse image(String id) throws IOException {
        return images.stream()
                .filter(image -> image.id().equals(id))
                .findFirst()
                .orElseThrow(() -> ApplianceException.usage("there is no image '" + id + "' in this migration"));
    }

    /** Stops what runs, and unmounts everything; the devices stay. */
    void stop() throws IOException {
        RuncUse container = runc;
        if (container != null && container.runs()) {
            new Runc(container.root()).stop(container.id());
        }
        List<MountUse> deepestFirst = new ArrayList<>();
        images.forEach(image -> deepestFirst.addAll(image.mounts()));
        deepestFirst.sort(
                Comparator.comparing((MountUse one) -> Path.of(one.mountPoint()).getNameCount())
                        .reversed());
        for (MountUse mount : deepestFirst) {
            if (Mounts.at(Path.of(mount.mountPoint())).isPresent()) {
                unmount(mount);
            }
        }
    }

    private static void unmount(MountUse mount) throws IOException {
        try {
            Mounts.unmount(Path.of(mount.mountPoint()));
        } catch (OsException e) {
            if (e.errno() == Errno.EBUSY) {
                throw new ApplianceException(
                        FailureKind.CONFLICT,
                        mount.mountPoint() + " is in use and cannot be unmounted; stop what uses it (see 'fuser -vm "
                                + mount.mountPoint() + "') and move it again",
                        e);
            }
            throw e;
        }
    }

    /**
     * Attaches, mounts and starts everything that is not. Can be repeated.
     *
     * @param sameHost whether device names must be those they were
     */
    void start(DataPlane plane, boolean sameHost) throws IOException {
        List<MountUse> mounts = new ArrayList<>();
        Map<String, String> blockDevices = new LinkedHashMap<>();
        for (ImageUse image : images) {
            if (image.isAttached()) {
                AttachedDevice device = attached(plane, image, sameHost);
                for (MountUse mount : image.mounts()) {
                    mounts.add(mount);
                    blockDevices.put(mount.mountPoint(), device.blockDevice());
                }
            }
        }
        mounts.sort(
                Comparator.comparing((MountUse one) -> Path.of(one.mountPoint()).getNameCount()));
        for (MountUse mount : mounts) {
            mount(mount, String.valueOf(blockDevices.get(mount.mountPoint())));
        }
        RuncUse container = runc;
        if (container != null && container.runs()) {
            Path bundle = Path.of(container.bundle());
            if (!Files.exists(bundle.resolve("config.json"))) {
                Files.createDirectories(bundle);
                Files.writeString(bundle.resolve("config.json"), container.config(), StandardCharsets.UTF_8);
            }
            new Runc(container.root()).start(container.id(), bundle);
        }
    }

    private static AttachedDevice attached(DataPlane plane, ImageUse image, boolean sameHost) throws IOException {
        Optional<AttachedDevice> found = plane.find(image.path());
        if (found.isPresent()) {
            return found.get();
        }
        boolean taken =
                plane.devices().stream().anyMatch(device -> device.deviceId().equals(image.deviceId()));
        String name = taken && !sameHost ? null : image.deviceId();
        return plane.attach(
                Path.of(image.path()),
                new DataPlane.AttachOptions(name, false, false, false, false, new Fields(image.settings())));
    }

    private static void mount(MountUse mount, String blockDevice) throws IOException {
        Path point = Path.of(mount.mountPoint());
        Optional<MountEntry> there = Mounts.at(point);
        if (there.isPresent() && there.get().source().equals(blockDevice)) {
            return;
        }
        if (!Files.exists(point, LinkOption.NOFOLLOW_LINKS)) {
            Files.createDirectories(point);
        }
        long flags = 0;
        List<String> data = new ArrayList<>();
        for (String option : mount.options()) {
            Long flag = FLAGS.get(option);
            if (flag == null) {
                data.add(option);
            } else {
                flags |= flag;
            }
        }
        Mounts.mount(blockDevice, point, mount.type(), flags, data.isEmpty() ? null : String.join(",", data));
    }

    /** Detaches the devices that are attached; nothing is mounted from them. */
    void detach(DataPlane plane) throws IOException {
        for (ImageUse image : images) {
            Optional<AttachedDevice> found = plane.find(image.path());
            if (found.isPresent()) {
                plane.detachUnmounted(found.get(), DETACH_LIMIT);
            }
        }
    }
}
