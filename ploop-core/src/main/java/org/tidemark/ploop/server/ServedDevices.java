package org.tidemark.ploop.server;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.device.front.SharedDisks;

/** All devices of this server. Safe for several threads; devices do not wait for each other. */
public final class ServedDevices {
    private static final Logger LOG = System.getLogger(ServedDevices.class.getName());

    private final RunFolder run;
    private final DeviceOpener opener;
    private final HolderLink link;
    private final Map<String, ServedDevice> devices = new ConcurrentHashMap<>();
    private final SharedDisks disks = new SharedDisks();
    private boolean closed;

    ServedDevices(RunFolder run, DeviceOpener opener, HolderLink link) {
        this.run = run;
        this.opener = opener;
        this.link = link;
    }

    /** The folder of this server. */
    public RunFolder run() {
        return run;
    }

    /** The device of that name. */
    public ServedDevice find(String deviceId) throws ControlException {
        ServedDevice found = devices.get(deviceId);
        if (found == null) {
            throw new ControlException(ControlException.Kind.NOT_FOUND, "no device '" + deviceId + "' is attached");
        }
        return found;
    }

    public List<ServedDevice> all() {
        return List.copyOf(devices.values());
    }

    ServedDevice attach(AttachRequest wanted) throws IOException {
        AttachRequest request =
                new AttachRequest(wanted.deviceId(), real(wanted.image()), wanted.readOnly(), wanted.options());
        requireHere(request.image());
        OwnFiles.check(request.image().path(), run, blockDevices());
        ServedDevice fresh =
                new ServedDevice(run, AttachmentRecord.begin(request), opener, link, disks, this::forgetIfEnded);
        admit(fresh);
        try {
            fresh.attach();
            return fresh;
        } catch (IOException | RuntimeException | Error e) {
            devices.remove(fresh.id(), fresh);
            throw e;
        }
    }

    private static ImagePlace real(ImagePlace image) throws IOException {
        try {
            return image.real();
        } catch (NoSuchFileException e) {
            throw new ControlException(ControlException.Kind.NOT_FOUND, image + ": no such file or folder", e);
        }
    }

    /** What a library for another machine's protocol does to its process must not be done to other images. */
    private void requireHere(ImagePlace image) throws IOException {
        Optional<ImagePlace> only = run.onlyImage();
        boolean here = only.isPresent() ? image.equals(only.get()) : image.nfs().isEmpty();
        if (!here) {
            throw new ControlException(
                    ControlException.Kind.USAGE,
                    image + ": an image on NFS, and no other, has a device server of its own; attach it there");
        }
    }

    private synchronized void admit(ServedDevice fresh) throws IOException {
        if (closed) {
            throw new ControlException(ControlException.Kind.DISCONNECTED, "this device server is stopping");
        }
        for (ServedDevice other : devices.values()) {
            boolean sameImage = other.request().image().equals(fresh.request().image())
                    && other.request().level().equals(fresh.request().level());
            if (other.id().equals(fresh.id()) || sameImage) {
                throw new ControlException(
                        ControlException.Kind.BUSY,
                        other.request().image() + ": is attached already, as device '" + other.id() + "'");
            }
        }
        DeviceNames.take(run, fresh.id());
        devices.put(fresh.id(), fresh);
    }

    void detach(String deviceId, Duration limit) throws IOException {
        ServedDevice device = find(deviceId);
        try {
            device.detach(limit);
        } finally {
            forgetIfEnded(device);
        }
    }

    /**
     * Takes a device away by force, without waiting for its disk.
     *
     * @param limit how long to wait for its image to be closed; later that goes on in the background
     * @return whether the image is closed
     */
    boolean abort(String deviceId, Duration limit) throws IOException {
        ServedDevice device = find(deviceId);
        device.abort();
        Thread thread = new Thread(() -> finishAborted(device), "abort-" + deviceId);
        thread.setDaemon(true);
        thread.start();
        try {
            TimeUnit.MILLISECONDS.timedJoin(thread, Math.max(1, limit.toMillis()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return device.state() == ServedDevice.State.ENDED;
    }

    private void finishAborted(ServedDevice device) {
        try {
            device.finishAborted();
        } catch (IOException | RuntimeException e) {
            LOG.log(Level.ERROR, device.id() + ": closing the image of an aborted device", e);
        }
        forgetIfEnded(device);
    }

    /** Detaches this very device, unless somebody did so already. */
    void detachIfServed(ServedDevice device, Duration limit) throws IOException {
        if (device == devices.get(device.id())) {
            detach(device.id(), limit);
        }
    }

    private void forgetIfEnded(ServedDevice device) {
        if (device.state() == ServedDevice.State.ENDED) {
            devices.remove(device.id(), device);
        }
    }

    /** No more devices from now on, if there are none now. */
    synchronized boolean closeIfEmpty() {
        closed = devices.isEmpty();
        return closed;
    }

    synchronized void reopen() {
        closed = false;
    }

    /**
     * Refuses a folder for files of ours that lies, or would be made, on a device served here: its requests could wait for
     * themselves.
     */
    void requireElsewhere(Path folder) throws IOException {
        Path there = folder.toAbsolutePath().normalize();
        while (!Files.exists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        OwnFiles.check(Optional.of(there.toRealPath()), run, blockDevices());
    }

    private List<Path> blockDevices() {
        List<Path> paths = new ArrayList<>();
        for (ServedDevice device : devices.values()) {
            device.blockDevice().ifPresent(paths::add);
        }
        return paths;
    }

    /** Begins to take over every device that a predecessor left, each in a thread of its own. */
    void takeOverAll() throws IOException {
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(run.devices())) {
            for (Path folder : folders) {
                beginTakeOver(folder);
            }
        }
    }

    private void beginTakeOver(Path folder) {
        try {
            Optional<AttachmentRecord> record = AttachmentRecord.read(folder);
            if (record.isEmpty()) {
                AttachmentRecord.remove(folder);
                Files.deleteIfExists(folder);
                return;
            }
            ServedDevice device = new ServedDevice(run, record.get(), opener, link, disks, this::forgetIfEnded);
            devices.put(device.id(), device);
            Thread thread = new Thread(() -> takeOver(device), "take-over-" + device.id());
            thread.setDaemon(true);
            thread.start();
        } catch (IOException | RuntimeException e) {
            LOG.log(Level.ERROR, folder + ": its record cannot be used", e);
        }
    }

    private static void giveUp(ServedDevice device) {
        try {
            device.giveUp();
        } catch (IOException | RuntimeException e) {
            LOG.log(Level.ERROR, device.id() + ": ending its connection", e);
        }
    }

    private void takeOver(ServedDevice device) {
        long start = System.nanoTime();
        try {
            device.takeOver();
            LOG.log(
                    Level.INFO,
                    () -> device.id() + ": " + device.state() + " after " + (System.nanoTime() - start) / 1_000_000
                            + " ms");
        } catch (IOException | RuntimeException | Error e) {
            LOG.log(Level.ERROR, device.id() + ": taking it over failed", e);
            giveUp(device);
        }
        forgetIfEnded(device);
    }
}
