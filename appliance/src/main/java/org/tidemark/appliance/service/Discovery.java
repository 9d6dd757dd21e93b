package org.tidemark.appliance.service;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.os.MountEntry;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;

/** Finds the images of a container: from their paths, from where it is mounted, or from what runc says of it. */
@Singleton
public final class Discovery {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern RUNC_ID = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_+.-]{0,1023}");
    private static final Path RUNC_ROOT = Path.of("/run/runc");
    private static final int MAX_IMAGES = 64;

    private final Host host;

    @Inject
    public Discovery(Host host) {
        this.host = host;
    }

    /** What was found. */
    public record Found(List<ContainerEntry.Image> images, ContainerEntry.Runtime runtime, List<String> notices) {}

    /** An image as a user names it; without an id it gets one. */
    public record Named(@Nullable String id, String path) {}

    /** Images that are named; each is opened and looked at. */
    public Found images(List<Named> named) throws IOException {
        if (named.isEmpty() || named.size() > MAX_IMAGES) {
            throw ApplianceException.usage("a container has 1 to " + MAX_IMAGES + " images");
        }
        List<ContainerEntry.Image> images = new ArrayList<>();
        for (Named one : named) {
            ImagePlace real = look(ImagePlace.of(one.path()));
            String id = one.id() != null ? one.id() : named.size() == 1 ? "root" : "disk" + images.size();
            if (!id.matches("[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")) {
                throw ApplianceException.usage("'" + id + "' cannot be the id of an image");
            }
            for (ContainerEntry.Image other : images) {
                if (other.id().equals(id) || other.path().equals(real.toString())) {
                    throw ApplianceException.usage("image " + real + " (" + id + ") is named twice");
                }
            }
            images.add(new ContainerEntry.Image(id, real.toString()));
        }
        return new Found(images, ContainerEntry.Runtime.NONE, List.of());
    }

    /** Its one name. An image on NFS is opened by its device server alone, so it must be attached. */
    private ImagePlace look(ImagePlace image) throws IOException {
        if (image.path().isPresent()) {
            if (!image.path().get().isAbsolute()) {
                throw ApplianceException.usage("the path of an image must be absolute, not '" + image + "'");
            }
            ImagePlace real = image.real();
            AttachedImage.filesOf(real);
            return real;
        }
        if (Host.deviceOf(host.devices(), image.toString()).isEmpty()) {
            throw ApplianceException.conflict(image + ": is not attached; attach it first");
        }
        return image;
    }

    /** What is mounted there: its block device, the device that Tidemark made, its image. */
    public Found mounted(String mountPoint) throws IOException {
        Found found = onMount(Path.of(mountPoint));
        return new Found(
                found.images(),
                new ContainerEntry.Runtime(ContainerEntry.RuntimeKind.MOUNT, mountPoint, "", ""),
                found.notices());
    }

    private Found onMount(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new NoSuchFileException(folder + ": there is no such folder");
        }
        Path real = folder.toRealPath();
        MountEntry mount = mountOf(real);
        List<String> notices = new ArrayList<>();
        if (mount.type().equals("overlay")) {
            Optional<Path> upper = mount.superOptions().stream()
                    .filter(option -> option.startsWith("upperdir="))
                    .map(option -> Path.of(option.substring("upperdir=".length())))
                    .findFirst();
            if (upper.isEmpty() || !Files.isDirectory(upper.get())) {
                throw ApplianceException.usage(real + " is an overlay without a layer for writes: nothing to back up");
            }
            notices.add(
                    real + " is an overlay; what is backed up is the file system of its upper layer " + upper.get());
            mount = mountOf(upper.get().toRealPath());
        }
        String block = mount.source();
        Optional<AttachedDevice> device = deviceOf(mount);
        if (device.isPresent()) {
            return new Found(
                    List.of(new ContainerEntry.Image(
                            "root", device.get().image().toString())),
                    ContainerEntry.Runtime.NONE,
                    notices);
        }
        String loopOf = backing(block);
        throw ApplianceException.usage(real + " lies on " + block + " (" + mount.type()
                + "), which is no device of Tidemark"
                + (loopOf.isEmpty()
                        ? ". Only a file system that lies in an image can be protected: 'tidemark image create' makes"
                                + " one, 'tidemark attach IMAGE --mount DIR' mounts it"
                        : " but a loop device of " + loopOf + ". Unmount it, attach the image with 'tidemark attach "
                                + loopOf + " --mount " + mount.mountPoint() + "' and register it again"));
    }

    /** The device of this host on whose file system a path lies, which need not exist yet. */
    Optional<AttachedDevice> deviceUnder(Path path) throws IOException {
        Path existing = path.toAbsolutePath().normalize();
        while (!Files.exists(existing) && existing.getParent() != null) {
            existing = existing.getParent();
        }
        return deviceOf(mountOf(existing.toRealPath()));
    }

    private Optional<AttachedDevice> deviceOf(MountEntry mount) throws IOException {
        for (AttachedDevice device : host.devices()) {
            if (!device.blockDevice().isEmpty()
                    && (mount.source().equals(device.blockDevice())
                            || DataPlane.mountPoints(device).contains(mount.mountPoint()))) {
                return Optional.of(device);
            }
        }
        return Optional.empty();
    }

    /** The innermost mount that holds a path; of several at the same place the last one, which is on top. */
    private static MountEntry mountOf(Path real) throws IOException {
        MountEntry best = null;
        for (MountEntry entry : Mounts.table()) {
            boolean holds = real.startsWith(entry.mountPoint());
            if (holds
                    && (best == null
                            || entry.mountPoint().getNameCount()
                                    >= best.mountPoint().getNameCount())) {
                best = entry;
            }
        }
        if (best == null) {
            throw new IOException(real + ": lies on no mount that can be seen");
        }
        return best;
    }

    /** The file behind a loop device; empty for anything else. */
    private static String backing(String block) throws IOException {
        Path name = Path.of(block).getFileName();
        Path file = Path.of("/sys/block/" + name + "/loop/backing_file");
        return Files.isReadable(file) ? Files.readString(file).strip() : "";
    }

    /** What runc runs: its root file system's mount, and its cgroup. */
    public Found runc(String id, @Nullable String root) throws IOException {
        if (!RUNC_ID.matcher(id).matches()) {
            throw ApplianceException.usage("'" + id + "' cannot be the id of a runc container");
        }
        Path folder = root == null ? RUNC_ROOT : Path.of(root);
        Path state = folder.resolve(id).resolve("state.json");
        if (!Files.isReadable(state)) {
            throw ApplianceException.notFound("runc knows no container '" + id + "': there is no " + state
                    + ". Known are " + known(folder) + "; another state folder is given with root");
        }
        JsonNode json = JSON.readTree(state.toFile());
        String rootFs = json.path("config").path("rootfs").asText("");
        if (rootFs.isEmpty()) {
            throw new IOException(state + ": names no root file system");
        }
        Found found = onMount(Path.of(rootFs));
        return new Found(
                found.images(),
                new ContainerEntry.Runtime(ContainerEntry.RuntimeKind.RUNC, id, cgroup(json), root == null ? "" : root),
                found.notices());
    }

    private static String cgroup(JsonNode state) {
        JsonNode paths = state.path("cgroup_paths");
        String path = paths.path("").asText(paths.path("freezer").asText(""));
        return path.toLowerCase(Locale.ROOT).startsWith("/sys/fs/cgroup") ? path : "";
    }

    private static List<String> known(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> names = Files.list(folder)) {
            return names.map(path -> String.valueOf(path.getFileName()))
                    .sorted()
                    .limit(20)
                    .toList();
        }
    }
}
