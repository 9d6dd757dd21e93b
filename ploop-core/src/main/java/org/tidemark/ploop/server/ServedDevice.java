package org.tidemark.ploop.server;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.attach.Attachment;
import org.tidemark.ploop.device.attach.DeviceExporter;
import org.tidemark.ploop.device.attach.LoopWindow;
import org.tidemark.ploop.device.attach.TmpfsStateArea;
import org.tidemark.ploop.device.attach.fuse.FuseLoopExporter;
import org.tidemark.ploop.device.front.DeviceFront;
import org.tidemark.ploop.device.front.DiskSeat;
import org.tidemark.ploop.device.front.IoLimit;
import org.tidemark.ploop.device.front.SharedDisks;
import org.tidemark.ploop.os.LoopDevice;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.OsException;

/**
 * One device and everything that belongs to it: record, state area, image, connection, block device. Attach, detach and
 * take-over exclude each other; looking does not wait for them.
 */
public final class ServedDevice {
    private static final Logger LOG = System.getLogger(ServedDevice.class.getName());
    private static final String CONNECTION = "fuse";
    private static final Duration UNDO_LIMIT = Duration.ofSeconds(5);

    /** What can be said of a device from outside. */
    public enum State {
        STARTING,
        SERVING,
        /** Serves, but the disk below is full: writes wait for space. */
        FULL,
        /** Serves, but the image failed: requests, or writes, get errors. */
        BROKEN,
        /** Aborted: the kernel has let go, the image is closed as soon as its disk answers. */
        ABORTED,
        ENDED
    }

    private static final Duration ABORT_LOOK = Duration.ofMinutes(1);
    private static final Duration START_LIMIT = Duration.ofSeconds(10);
    private static final long START_LOOK_NANOS = 10_000_000;

    private final ReentrantLock lock = new ReentrantLock();
    private final Path folder;
    private final DeviceOpener opener;
    private final DeviceExporter exporter;
    private final HolderLink link;
    private final ImageAccess access;
    private volatile AttachmentRecord record;
    private volatile State state = State.STARTING;
    private final SharedDisks disks;
    private final Consumer<ServedDevice> whenCutOff;
    private volatile boolean aborted;
    private volatile @Nullable BlockDevice device;
    /** Over {@link #device}: where its container's requests enter. */
    private volatile @Nullable DeviceFront front;

    private volatile @Nullable Attachment attachment;
    private @Nullable TmpfsStateArea area;
    private @Nullable DiskSeat seat;

    /** @param whenCutOff is told when it has ended without being told to */
    ServedDevice(
            RunFolder run,
            AttachmentRecord record,
            DeviceOpener opener,
            HolderLink link,
            SharedDisks disks,
            Consumer<ServedDevice> whenCutOff)
            throws ControlException {
        this.whenCutOff = whenCutOff;
        this.disks = disks;
        this.folder = run.devices().resolve(record.request().deviceId());
        this.record = record;
        this.opener = opener;
        this.link = link;
        this.access = new ImageAccess(record.request().deviceId(), opener, link);
        long threads = record.request().options().number("threads", FuseLoopExporter.USUAL_THREADS);
        this.exporter = new FuseLoopExporter(run.devices(), Math.toIntExact(threads));
    }

    public String id() {
        return record.request().deviceId();
    }

    public AttachRequest request() {
        return record.request();
    }

    public State state() {
        DeviceFront open = front;
        if (aborted && state != State.ENDED) {
            return State.ABORTED;
        }
        if (state != State.SERVING || open == null) {
            return state;
        }
        if (open.state() == org.tidemark.ploop.device.DeviceState.ABORTED) {
            return State.BROKEN;
        }
        return open.waitingForSpace() > 0 ? State.FULL : State.SERVING;
    }

    /**
     * The device itself, for commands that look into it. One that is just being opened, as after a takeover, is waited for;
     * it is not open when it has ended.
     */
    public BlockDevice device() throws ControlException {
        long end = System.nanoTime() + START_LIMIT.toNanos();
        while (device == null && state == State.STARTING && System.nanoTime() - end < 0) {
            LockSupport.parkNanos(START_LOOK_NANOS);
        }
        BlockDevice open = device;
        if (open == null) {
            throw new ControlException(ControlException.Kind.BUSY, id() + ": is not being served (" + state + ")");
        }
        return open;
    }

    /** The device as its container has it. */
    public DeviceFront front() throws ControlException {
        device();
        DeviceFront open = front;
        if (open == null) {
            throw new ControlException(ControlException.Kind.BUSY, id() + ": is not being served (" + state + ")");
        }
        return open;
    }

    public LoopWindow window() {
        return record.window();
    }

    /** Empty while there is none. One whose server is just being replaced has been there all the time. */
    public Optional<Path> blockDevice() {
        Attachment current = attachment;
        if (aborted) {
            return Optional.empty();
        }
        if (state == State.STARTING && record.phase() == AttachmentRecord.Phase.ATTACHED) {
            return predecessorsBlockDevice();
        }
        if (current == null || state != State.SERVING || !current.hasBlockDevice()) {
            return Optional.empty();
        }
        return Optional.of(current.blockDevice());
    }

    private Optional<Path> predecessorsBlockDevice() {
        try {
            return LoopDevice.over(folder.resolve("image")).stream().findFirst().map(LoopDevice::path);
        } catch (IOException e) {
            LOG.log(Level.WARNING, id() + ": its loop device is not known yet", e);
            return Optional.empty();
        }
    }

    Fields describe() throws ControlException {
        DeviceFront open = front;
        return Fields.of(
                "device", id(),
                "image", record.request().image().toString(),
                "level", record.request().level(),
                "readOnly", !record.writable(),
                "state", state().name(),
                "blockDevice", blockDevice().map(Path::toString).orElse(null),
                "sizeBytes", record.sizeBytes(),
                "trouble", trouble(),
                "waitingForSpace", open == null ? 0 : open.waitingForSpace(),
                "settings",
                        DeviceSettings.of(record.request().options()).toFields().values());
    }

    private String trouble() {
        if (state() == State.ABORTED) {
            return "it was aborted: its image is closed as soon as its disk answers";
        }
        DeviceFront open = front;
        return open == null ? "" : open.trouble();
    }

    /**
     * Changes what {@code fields} names of the settings; requests under way go by it, and so does a successor.
     *
     * @throws ControlException BUSY while it is being attached or detached for long
     */
    Fields set(Fields fields) throws IOException {
        DeviceSettings next = DeviceSettings.of(record.request().options()).with(fields);
        lockInTime();
        try {
            AttachRequest request = record.request();
            advance(record.with(new AttachRequest(
                    request.deviceId(), request.image(), request.readOnly(), next.into(request.options()))));
            front().change(next.onFull(), next.limit());
        } finally {
            lock.unlock();
        }
        return describe();
    }

    /**
     * Holds its container to so many bytes a second, on top of what is set; 0 for no more than that. Not kept: a successor does
     * not know of it.
     */
    void throttle(long bytesPerSecond) throws IOException {
        DeviceSettings set = DeviceSettings.of(record.request().options());
        IoLimit limit = set.limit();
        long bytes = bytesPerSecond == 0
                ? limit.bytesPerSecond()
                : Math.min(bytesPerSecond, limit.bytesPerSecond() == 0 ? Long.MAX_VALUE : limit.bytesPerSecond());
        front().change(set.onFull(), new IoLimit(limit.requestsPerSecond(), bytes, limit.burstMillis()));
    }

    private void lockInTime() throws ControlException {
        try {
            if (lock.tryLock(START_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        throw new ControlException(
                ControlException.Kind.BUSY, id() + ": is being attached or detached just now; try again");
    }

    private DeviceFront frontOf(BlockDevice open) throws ControlException {
        DeviceSettings settings = DeviceSettings.of(record.request().options());
        DeviceFront fresh = new DeviceFront(open, settings.onFull(), settings.limit(), takeSeat());
        front = fresh;
        if (aborted) {
            fresh.stopWaiting();
        }
        return fresh;
    }

    private DiskSeat takeSeat() {
        Optional<Path> image = record.request().image().path();
        if (image.isEmpty()) {
            return DiskSeat.alone();
        }
        try {
            DiskSeat taken = disks.of(image.get()).join();
            seat = taken;
            return taken;
        } catch (IOException e) {
            LOG.log(Level.WARNING, id() + ": its disk is not known, so it cannot make way for its neighbours", e);
            return DiskSeat.alone();
        }
    }

    /** A fresh attach. On failure nothing of it is left. */
    void attach() throws IOException {
        lock.lock();
        try {
            Files.createDirectories(folder);
            record.write(folder);
            try {
                TmpfsStateArea fresh = TmpfsStateArea.create(folder.resolve("state"));
                area = fresh;
                BlockDevice open = access.open(record, fresh);
                device = open;
                requireNotAborted();
                advance(record.with(open, opener.window(record.request(), open)));
                Attachment connected = connect(frontOf(open), fresh);
                attachment = connected;
                requireNotAborted();
                advance(record.with(AttachmentRecord.Phase.ATTACHED));
                state = State.SERVING;
                connected.whenEnded(this::connectionEnded);
            } catch (IOException | RuntimeException | Error e) {
                undo(e);
                throw e;
            }
        } finally {
            lock.unlock();
        }
    }

    private Attachment connect(DeviceFront open, TmpfsStateArea fresh) throws IOException {
        DeviceExporter.Connection connection = exporter.open(id());
        try {
            // From here on the connection survives this process; before, nobody uses it.
            link.keep(id(), CONNECTION, connection.kernelEnd());
            return connection.attach(open, fresh, record.window());
        } catch (IOException | RuntimeException e) {
            connection.abandon();
            throw e;
        }
    }

    private void undo(Throwable cause) {
        try {
            Attachment current = attachment;
            if (current != null) {
                current.detach(UNDO_LIMIT);
            }
            BlockDevice open = device;
            if (open != null) {
                open.close();
            }
        } catch (IOException | RuntimeException e) {
            cause.addSuppressed(e);
        }
        try {
            removeTraces();
        } catch (IOException | RuntimeException e) {
            cause.addSuppressed(e);
        }
    }

    private void advance(AttachmentRecord next) throws IOException {
        next.write(folder);
        record = next;
    }

    /** Detaches; when the device is busy nothing changes. */
    void detach(Duration limit) throws IOException {
        lock.lock();
        try {
            Attachment current = attachment;
            if (current == null) {
                String remedy = state == State.BROKEN
                        ? "; it could not be taken over: 'tidemark detach --abort " + id()
                                + "' takes it away, and what was" + " written since the last flush is lost"
                        : "";
                throw new ControlException(
                        ControlException.Kind.BUSY, id() + ": is not attached (" + state + ")" + remedy);
            }
            AttachedImage image = device instanceof AttachedImage open ? open : null;
            if (image != null) {
                // Once the kernel has let go it is too late to wait for a change, or to stay attached.
                image.endChanges();
            }
            advance(record.with(AttachmentRecord.Phase.DETACHING));
            try {
                current.detach(limit);
            } catch (IOException e) {
                if (image != null) {
                    image.allowChanges();
                }
                advance(record.with(AttachmentRecord.Phase.ATTACHED));
                throw e;
            }
            finish();
        } finally {
            lock.unlock();
        }
    }

    private void requireNotAborted() throws ControlException {
        if (aborted) {
            throw new ControlException(ControlException.Kind.BUSY, id() + ": was aborted while it was attached");
        }
    }

    /**
     * Takes the device away from the kernel whoever uses it and whatever its disk does: every request, under way or later,
     * gets an error. Neither waits for the disk nor for anybody who works on the device; {@link #finishAborted} does.
     */
    void abort() throws IOException {
        aborted = true;
        DeviceFront open = front;
        if (open != null) {
            open.stopWaiting();
        }
        FuseLoopExporter.abort(folder.resolve("image"));
        LOG.log(Level.WARNING, () -> id() + ": aborted; whoever uses it gets I/O errors");
    }

    /** Closes the image of an aborted device; waits for its disk as long as that takes. */
    void finishAborted() throws IOException {
        lock.lock();
        try {
            Attachment current = attachment;
            while (current != null) {
                try {
                    current.detach(ABORT_LOOK);
                    break;
                } catch (OsException e) {
                    LOG.log(Level.WARNING, () -> id() + ": aborted, and its disk still does not answer");
                    LockSupport.parkNanos(START_LOOK_NANOS);
                }
            }
            if (state != State.ENDED) {
                finish();
            }
        } finally {
            lock.unlock();
        }
    }

    /** The kernel has let go: close the image and remove what is left. */
    private void finish() throws IOException {
        BlockDevice open = device;
        try {
            if (open != null) {
                open.close();
            }
        } finally {
            removeTraces();
        }
    }

    private void removeTraces() throws IOException {
        state = State.ENDED;
        attachment = null;
        front = null;
        device = null;
        DiskSeat taken = seat;
        if (taken != null) {
            taken.close();
        }
        Path mountPoint = folder.resolve("image");
        FuseLoopExporter.removeDeadMount(mountPoint);
        access.closeUnused();
        try {
            link.drop(id());
        } catch (IOException e) {
            // A holder that cannot be reached is replaced, and the new one never hears of this device.
            LOG.log(Level.WARNING, id() + ": telling the holder that it is gone", e);
        }
        if (area != null) {
            area.remove();
        }
        Files.deleteIfExists(mountPoint);
        AttachmentRecord.remove(folder);
        Files.deleteIfExists(folder);
    }

    /** Goes on where a predecessor was killed. */
    void takeOver() throws IOException {
        lock.lock();
        try {
            Path stateFolder = folder.resolve("state");
            TmpfsStateArea left =
                    Files.exists(stateFolder) ? TmpfsStateArea.resume(stateFolder) : TmpfsStateArea.create(stateFolder);
            area = left;
            access.takeBack();
            boolean mounted = Mounts.at(folder.resolve("image")).isPresent();
            NativeFile kernelEnd = access.remove(CONNECTION);
            if (mounted && kernelEnd != null) {
                resume(left, exporter.resume(id(), kernelEnd));
            } else {
                LOG.log(Level.WARNING, () -> id() + ": the kernel has no connection to it any more; closing it");
                if (kernelEnd != null) {
                    kernelEnd.close();
                }
                device = access.openAgain(record, left, () -> !aborted);
                finish();
            }
        } finally {
            lock.unlock();
        }
    }

    /** It cannot be taken over: ends its connection, so that the container gets errors instead of waiting for ever. */
    void giveUp() throws IOException {
        lock.lock();
        try {
            state = State.BROKEN;
            FuseLoopExporter.removeDeadMount(folder.resolve("image"));
            access.closeUnused();
            link.drop(id());
        } finally {
            lock.unlock();
        }
    }

    private void resume(TmpfsStateArea left, DeviceExporter.Connection connection) throws IOException {
        BlockDevice open = access.openAgain(record, left, () -> !aborted);
        device = open;
        Attachment resumed = connection.takeOver(frontOf(open), left, record.window());
        attachment = resumed;
        if (record.phase() == AttachmentRecord.Phase.ATTACHING) {
            LOG.log(Level.INFO, () -> id() + ": its attach was not finished; undoing it");
            resumed.detach(UNDO_LIMIT);
            finish();
        } else {
            advance(record.with(open, record.window()).with(AttachmentRecord.Phase.ATTACHED));
            if (!resumed.hasBlockDevice() && !aborted) {
                LOG.log(Level.WARNING, () -> id() + ": its loop device has gone; detach it and attach it again");
            }
            state = State.SERVING;
            resumed.whenEnded(this::connectionEnded);
        }
    }

    /** Somebody told the kernel to give the device up, or it was detached. */
    private void connectionEnded() {
        Thread thread = new Thread(this::closeIfCutOff, "cut-off-" + id());
        thread.setDaemon(true);
        thread.start();
    }

    /** Closes the image of a device that the kernel does not know any more, as a successor would. */
    private void closeIfCutOff() {
        lock.lock();
        try {
            if (state != State.SERVING || record.phase() != AttachmentRecord.Phase.ATTACHED || aborted) {
                return;
            }
            LOG.log(Level.WARNING, () -> id() + ": the kernel has no connection to it any more; closing it");
            abort();
            finishAborted();
        } catch (IOException | RuntimeException e) {
            LOG.log(Level.ERROR, id() + ": closing the image of a device that was cut off", e);
        } finally {
            lock.unlock();
        }
        whenCutOff.accept(this);
    }

    /**
     * Makes the disk larger, with its partition, and shows it to the kernel. Broken off anywhere, the same call goes on; a
     * successor serves the larger disk and shows what its record says.
     *
     * @throws ControlException NOT_PERMITTED for a snapshot beside its image
     */
    Fields grow(long sizeBytes) throws IOException {
        lock.lock();
        try {
            Attachment current = attachment;
            if (!(device instanceof AttachedImage image) || current == null || state != State.SERVING) {
                throw new ControlException(
                        ControlException.Kind.BUSY, id() + ": is not being served (" + state() + ")");
            }
            if (!record.request().level().isEmpty()) {
                throw new ControlException(
                        ControlException.Kind.NOT_PERMITTED, id() + ": is a snapshot, whose size stays what it was");
            }
            DeviceGrowth.run(image, sizeBytes);
            advance(record.with(image, opener.window(record.request(), image)));
            current.show(record.window());
            return describe();
        } finally {
            lock.unlock();
        }
    }
}
