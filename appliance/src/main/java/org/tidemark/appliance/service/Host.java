package org.tidemark.appliance.service;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.tidemark.appliance.config.ApplianceConfig;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.ControlException;
import org.tidemark.ploop.server.RunFolder;

/** This host: its device server and what is mounted from its devices. Each call has a connection of its own. */
@Singleton
public final class Host {
    private final ApplianceConfig config;

    @Inject
    public Host(ApplianceConfig config) {
        this.config = config;
    }

    /** A connection; the device server is started when there is none, unless somebody else does that. */
    public DataPlane connect() throws IOException {
        return DataPlane.connect(RunFolder.at(config.run()), config.dataPlane().equals(DataPlane.EXTERNAL));
    }

    /** A connection if the device server runs. */
    public Optional<DataPlane> connectIfRunning() throws IOException {
        return DataPlane.connectIfRunning(RunFolder.at(config.run()));
    }

    /** What is attached; nothing when no device server runs. */
    public List<AttachedDevice> devices() throws IOException {
        Optional<DataPlane> running = connectIfRunning();
        if (running.isEmpty()) {
            return List.of();
        }
        try (DataPlane plane = running.get()) {
            return plane.devices();
        } catch (ControlException e) {
            if (e.kind() == ControlException.Kind.DISCONNECTED) {
                return List.of();
            }
            throw e;
        }
    }

    /** The device of an image. */
    public static Optional<AttachedDevice> deviceOf(List<AttachedDevice> devices, String image) throws IOException {
        ImagePlace place = ImagePlace.of(image);
        boolean there = place.path().isPresent() && place.isThere();
        ImagePlace real = there ? place.real() : place;
        Predicate<AttachedDevice> same = device -> device.level().isEmpty()
                && (device.image().equals(real) || device.image().equals(place));
        return devices.stream().filter(same).findFirst();
    }

    /** Where a device is mounted first. */
    public static Optional<Path> mountPoint(AttachedDevice device) throws IOException {
        return device.blockDevice().isEmpty()
                ? Optional.empty()
                : DataPlane.mountPoints(device).stream().findFirst();
    }

    /** What kind of file system is mounted at a mount point; empty when nothing is. */
    public static String fileSystemAt(Path mountPoint) throws IOException {
        return Mounts.table().stream()
                .filter(entry -> entry.mountPoint().equals(mountPoint))
                .reduce((first, second) -> second)
                .map(entry -> entry.type())
                .orElse("");
    }

    public Path scratchFolder() {
        return config.state().resolve("scratch");
    }

    public Path stateFolder() {
        return config.state();
    }

    public RunFolder runFolder() throws IOException {
        return RunFolder.at(config.run());
    }
}
