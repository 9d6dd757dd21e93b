package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.ChainBinding;
import org.tidemark.ploop.device.DeviceState;
import org.tidemark.ploop.device.ForwardingBlockDevice;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker.ImageCondition;
import org.tidemark.ploop.device.tracker.ChangedRanges;
import org.tidemark.ploop.device.tracker.WriteTracker;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.direct.DirectImageDirectory;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.os.OsException;

/**
 * An image in use: its locks, its owner record, its deltas, its device and its tracker, opened and closed as one.
 *
 * <pre>
 *   open:   lock | owner record, durable | in-use mark, durable | tracker open, durable | serve
 *   close:  flush | in-use mark cleared, durable | tracker closed with the image's identity, durable | owner record gone | unlock
 * </pre>
 *
 * A crash anywhere leaves the mark with our owner record beside it: the next open on this host recovers, on another host it
 * refuses. A crash after the mark was cleared and before the tracker was closed makes the tracker begin anew.
 */
public final class AttachedImage extends ForwardingBlockDevice {
    private static final System.Logger LOG = System.getLogger(AttachedImage.class.getName());
    private static final Duration CHANGE_ENDS_WITHIN = Duration.ofSeconds(30);

    private final PloopDevice device;
    private final AttachedChain chain;
    /** Of a qcow2 image: how its chain changes. */
    private final @Nullable AttachedOverlay overlay;

    private final StateArea area;
    private final Tracking tracking;
    private final HeldLocks locks;
    /** One change of the tree at a time, and none while the image is being closed. */
    private final Semaphore changing = new Semaphore(1);

    /** A copy of the top's file under way, or left by a killed process. */
    private @Nullable ImageTracking copied;

    /** Who hears of what the closing writes; null when nobody wants to. */
    private volatile @Nullable ChangedRanges closingWrites;

    private volatile boolean closing;
    /** Set by the one who detaches. */
    private volatile boolean changesEnded;

    private AttachedImage(
            PloopDevice device,
            AttachedChain chain,
            @Nullable AttachedOverlay overlay,
            StateArea area,
            Tracking tracking,
            HeldLocks locks) {
        super(device);
        this.device = device;
        this.chain = chain;
        this.overlay = overlay;
        this.area = area;
        this.tracking = tracking;
        this.locks = locks;
    }

    /** Who records what is written. */
    private record Tracking(@Nullable ChangedBlockTracker tracker, KeptBitmaps bitmaps) {}

    /** How an image is opened. */
    public enum Use {
        READ_ONLY,
        /** For writing. An image that was not closed is recovered if this host was the last to have it. */
        READ_WRITE,
        /** For writing, whoever had it last; the user says that nobody else has. */
        RECOVER,
        /** For writing, as the successor of a killed process: the locks are held and the state area has its state. */
        TAKE_OVER
    }

    /** The names of the files that we keep beside an image. */
    private record Beside(ImageDirectory folder, String owner, String tracker) {
        static Beside of(ChainFiles files) {
            String prefix = files.descriptor().isPresent() ? "" : files.top().fileName() + ".";
            return new Beside(files.directory(), prefix + OwnerRecord.FILE_NAME, prefix + TrackerBinding.FILE_NAME);
        }
    }

    /** The files of an image: past the page cache where its file system can do that, else through it. */
    public static ChainFiles filesOf(Path image) throws IOException {
        return bestOf(opener -> ChainFiles.at(image, opener));
    }

    /** The same, for a command, also of an image on NFS; its connections end with the process. */
    public static ChainFiles filesOf(ImagePlace image) throws IOException {
        return image.nfs().isPresent()
                ? NfsImage.forCommand(image.nfs().get()).files()
                : filesOf(image.requireHost("is opened elsewhere"));
    }

    /** The same for one level of its snapshots, to be read only. */
    public static ChainFiles levelOf(Path image, String guid) throws IOException {
        return bestOf(opener -> ChainFiles.level(image, guid, opener));
    }

    /**
     * A change of the snapshots of a qcow2 image that was broken off may have left the image with two names, with which
     * nobody may write to it: the second one goes. Before it is locked; does nothing while a change is under way.
     */
    public static void tidyNames(ChainFiles files) throws IOException {
        if (!OverlaySnapshots.concerns(files)) {
            return;
        }
        try {
            OverlaySnapshots.tidy(files);
        } catch (ImageException e) {
            if (e.kind() != ImageException.Kind.IN_USE) {
                throw e;
            }
        }
    }

    private interface Finder {
        ChainFiles find(ChainFiles.FolderOpener opener) throws IOException;
    }

    private static ChainFiles bestOf(Finder finder) throws IOException {
        ChainFiles cached = finder.find(VfsImageDirectory::new);
        try {
            ChainFiles direct = finder.find(DirectImageDirectory::new);
            for (ChainFiles.Link link : direct.links()) {
                link.directory()
                        .open(link.fileName(), ImageDirectory.OpenMode.READ_ONLY)
                        .close();
            }
            return direct;
        } catch (ImageException e) {
            if (e.kind() == ImageException.Kind.UNSUPPORTED) {
                return cached;
            }
            throw e;
        }
    }

    /**
     * Opens an image whose locks the caller took; they belong to it from here on, also when this throws.
     *
     * @param tracking whether changes are tracked for backups
     * @param self who opens it
     * @param ids makes identities for trackers
     */
    public static AttachedImage open(
            ChainFiles files,
            Use use,
            StateArea area,
            HeldLocks locks,
            boolean tracking,
            OwnerRecord self,
            Supplier<UUID> ids)
            throws IOException {
        try {
            return openLocked(files, use, area, locks, tracking, self, ids);
        } catch (IOException | RuntimeException e) {
            locks.close();
            throw e;
        }
    }

    private static AttachedImage openLocked(
            ChainFiles given,
            Use use,
            StateArea area,
            HeldLocks locks,
            boolean tracking,
            OwnerRecord self,
            Supplier<UUID> ids)
            throws IOException {
        // A killed or crashed growth: the top's file has its new size, and the descriptor follows.
        ChainFiles files = use == Use.READ_ONLY ? given : ChainSteps.withFinishedGrowth(given);
        Beside beside = Beside.of(files);
        String identity = tracking && use != Use.READ_ONLY ? ImageIdentity.of(files) : "";
        Optional<OwnerRecord> owner = OwnerRecord.read(beside.folder(), beside.owner());
        boolean ours = owner.isPresent()
                && owner.get().host().hostId().equals(self.host().hostId());
        String chainId = AttachedChain.idOf(files);
        DeltaGeometry geometry = geometryOf(files);
        boolean bound = !area.resumed() || ChainBinding.holds(area, chainId, geometry);
        if (!bound) {
            ChainBinding.forgetForeign(area, files.name(), geometry);
        }
        OpenedChain opened = openChain(files, use == Use.TAKE_OVER && !bound ? Use.RECOVER : use, area, ours);
        ImageCondition condition = !opened.recovered()
                ? owner.isPresent() ? ImageCondition.UNKNOWN : ImageCondition.CLOSED
                : ours ? ImageCondition.CRASHED_IN_OUR_HANDS : ImageCondition.UNKNOWN;
        boolean done = false;
        ChangedBlockTracker tracker = null;
        KeptBitmaps bitmaps = KeptBitmaps.of(files, area);
        try {
            ChainBinding.adopt(area, chainId, geometry);
            if (use != Use.READ_ONLY) {
                tidy(files, locks);
                if (!tracking) {
                    removeTracker(beside);
                }
                recordOwner(self, beside, use == Use.TAKE_OVER && ours);
                if (tracking) {
                    bitmaps.note(files, use == Use.TAKE_OVER);
                }
                opened.chain().top().markInUse();
            }
            if (tracking && use != Use.READ_ONLY) {
                long size = opened.chain().top().geometry().diskSizeBytes();
                tracker = ChangedBlockTracker.open(
                        area, size, beside.folder(), beside.tracker(), condition, identity, ids);
                bitmaps.begin(tracker);
            }
            PloopDevice device = new PloopDevice(
                    files.name(), opened.chain().deltas(), area, tracker, PloopDevice.DEFAULT_MAP_SLOTS);
            done = true;
            AttachedOverlay overlay =
                    OverlaySnapshots.concerns(files) ? new AttachedOverlay(device, locks, area, files) : null;
            AttachedChain chain = new AttachedChain(device, locks, area, files);
            AttachedImage image =
                    new AttachedImage(device, chain, overlay, area, new Tracking(tracker, bitmaps), locks);
            if (WriteTracker.isIn(area)) {
                image.resumeTracking();
            }
            return image;
        } finally {
            if (!done) {
                opened.chain().close();
                if (tracker != null) {
                    tracker.close();
                }
            }
        }
    }

    /**
     * Says who has the image from now on. A successor need not succeed: the record of its predecessor names this host, which
     * is what counts, and the disk may be full just now.
     */
    private static void recordOwner(OwnerRecord self, Beside beside, boolean isThere) throws IOException {
        try {
            self.write(beside.folder(), beside.owner());
        } catch (OsException e) {
            if (!isThere) {
                throw e;
            }
            LOG.log(System.Logger.Level.WARNING, "the record of the predecessor stays: " + e.getMessage());
        }
    }

    /** As the descriptor has it, or a single file. */
    private static DeltaGeometry geometryOf(ChainFiles files) throws IOException {
        if (files.descriptor().isPresent()) {
            return files.descriptor().get().geometry();
        }
        try (ImageChain read = ImageChain.open(files, OpenIntent.READ, AllocationCursor.transientCursor())) {
            return read.top().geometry();
        }
    }

    /**
     * What a change of the tree left that was broken off: nothing is copied now, so that the image is there at once. While
     * somebody else changes the tree there is nothing of ours to tidy.
     */
    private static void tidy(ChainFiles files, HeldLocks locks) throws IOException {
        if (OverlaySnapshots.concerns(files)) {
            tidyNames(files);
        } else {
            FolderAside.finish(files);
            if (files.descriptor().isPresent() && ChainIntent.isIn(files.directory())) {
                suspend(files.directory());
            }
        }
        for (ChainFiles.Link link : files.links().subList(0, files.links().size() - 1)) {
            locks.convert(link, false);
        }
    }

    private static void suspend(ImageDirectory folder) throws IOException {
        try (Closeable tree = ChainSteps.lockTree(folder)) {
            ChainSteps.suspend(folder);
        } catch (ImageException e) {
            if (e.kind() != ImageException.Kind.IN_USE) {
                throw e;
            }
        }
    }

    /** What is written from now on is tracked by nobody: an earlier tracker's file must not be believed ever again. */
    private static void removeTracker(Beside beside) throws IOException {
        if (beside.folder().exists(beside.tracker())) {
            beside.folder().delete(beside.tracker());
            beside.folder().sync();
        }
    }

    /** An open chain, and whether it had not been closed. */
    private record OpenedChain(ImageChain chain, boolean recovered) {}

    private static OpenedChain openChain(ChainFiles files, Use use, StateArea area, boolean ours) throws IOException {
        switch (use) {
            case READ_ONLY:
                return new OpenedChain(ImageChain.open(files, OpenIntent.READ, PloopDevice.cursor(area)), false);
            case TAKE_OVER:
                return new OpenedChain(ImageChain.open(files, OpenIntent.TAKE_OVER, PloopDevice.cursor(area)), true);
            case READ_WRITE, RECOVER:
                break;
        }
        try {
            return new OpenedChain(ImageChain.open(files, OpenIntent.WRITE, PloopDevice.cursor(area)), false);
        } catch (ImageException e) {
            if (e.kind() != ImageException.Kind.NOT_CLOSED || !(ours || use == Use.RECOVER)) {
                throw e;
            }
            return new OpenedChain(ImageChain.open(files, OpenIntent.RECOVER, PloopDevice.cursor(area)), true);
        }
    }

    /** The device below, for snapshots and views. */
    public PloopDevice device() {
        return device;
    }

    /** The files as they are now. */
    public ChainFiles files() {
        AttachedOverlay levels = overlay;
        return levels == null ? chain.files() : levels.files();
    }

    /**
     * A change of the tree of this image, made under the device. {@link Change#close} must follow; detaching calls it off
     * and waits for that.
     *
     * @throws ImageException IN_USE while another change is under way, READ_ONLY when the image is open for reading only
     */
    public Change beginChange(Supplier<UUID> newIds, ChainProgress progress) throws ImageException {
        if (!device.writable()) {
            throw new ImageException(
                    ImageException.Kind.READ_ONLY,
                    name() + ": is attached for reading only; its snapshots stay as they are");
        }
        if (closing || !changing.tryAcquire() && !(endAbandonedTracking() && changing.tryAcquire())) {
            throw new ImageException(
                    ImageException.Kind.IN_USE, name() + ": is being changed or copied just now; try again");
        }
        return new Change(newIds, progress);
    }

    /**
     * Begins to remember which parts of the top's file change, for a copy of it.
     *
     * @throws ImageException IN_USE while the image is being changed or copied, READ_ONLY when it is open for reading only
     */
    public ImageTracking beginTracking() throws IOException {
        Change change = beginChange(UUID::randomUUID, ChainProgress.NONE);
        boolean done = false;
        try {
            ImageTracking begun = ImageTracking.begin(device, area, change);
            synchronized (changing) {
                copied = begun;
            }
            done = true;
            return begun;
        } finally {
            if (!done) {
                change.close();
            }
        }
    }

    private void resumeTracking() throws IOException {
        ImageTracking left = ImageTracking.resume(device, area, beginChange(UUID::randomUUID, ChainProgress.NONE));
        synchronized (changing) {
            copied = left;
        }
    }

    /**
     * Ends the copying of the top's file, and remembers what changes in it until the image is closed, which must follow soon: the
     * last part of a copy that is to be the closed image.
     *
     * @return what was not copied yet, and grows until {@link #close} returns
     * @throws ImageException when nobody copies it
     */
    public ChangedRanges closeTracking() throws IOException {
        ImageTracking going = tracking()
                .orElseThrow(() ->
                        new ImageException(ImageException.Kind.INVALID_REQUEST, name() + ": is not being copied"));
        ChangedRanges log = new ChangedRanges();
        going.closeInto(log);
        closingWrites = log;
        return log;
    }

    private boolean endAbandonedTracking() {
        try {
            Optional<ImageTracking> left = tracking();
            return left.isPresent() && left.get().closeIfAbandoned();
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, name() + ": ending a copy that a killed process left", e);
            return false;
        }
    }

    /** What {@link #beginTracking} began last, in this process or in the one before it; it may have ended. */
    public Optional<ImageTracking> tracking() {
        synchronized (changing) {
            return Optional.ofNullable(copied);
        }
    }

    /** A change under way. Used by one thread. */
    public final class Change implements Closeable {
        private final SnapshotOperations operations;
        private final ChainProgress progress;
        private boolean over;

        private Change(Supplier<UUID> newIds, ChainProgress progress) {
            ChainProgress guarded = new ChainProgress() {
                @Override
                public void done(long clusters, long totalClusters) {
                    progress.done(clusters, totalClusters);
                }

                @Override
                public boolean cancelled() {
                    return closing || progress.cancelled();
                }
            };
            this.operations = new SnapshotOperations(newIds, guarded, chain, overlay);
            this.progress = guarded;
        }

        /** Whether the image is being detached, or somebody does not want the change any more. */
        public boolean calledOff() {
            return progress.cancelled();
        }

        public SnapshotOperations operations() {
            return operations;
        }

        /**
         * Makes the disk larger while it is read and written; see {@link AttachedGrowth#run}. The partition table and the
         * file system are the caller's.
         *
         * @return the size, rounded up to whole clusters; durable
         */
        public long grow(long sizeBytes) throws IOException {
            return new AttachedGrowth(device, chain, area).run(sizeBytes);
        }

        /**
         * Moves up to so many bytes from the end of the file that is written to into holes in it, and cuts it. Readers and
         * writers wait that long.
         *
         * @return false when there was nothing to move
         */
        public boolean compact(long maxMoveBytes) throws IOException {
            return new AttachedUpkeep(device, locks, area, files()).compact(maxMoveBytes);
        }

        /**
         * Lets {@code work} mend the files while readers and writers wait; the next backup reads everything.
         *
         * @param below the files below the top that it may change
         * @throws ImageException IN_USE while a backup reads the device, or somebody else one of those files; what {@code
         *     work} throws, and then the device goes on with what it left
         */
        public void repair(List<ChainFiles.Link> below, FileWork work) throws IOException {
            new AttachedUpkeep(device, locks, area, files()).repair(below, work);
        }

        @Override
        public void close() {
            if (!over) {
                over = true;
                changing.release();
            }
        }
    }

    /**
     * Closes everything properly, in the order above. An aborted device keeps its mark and its owner record. When requests
     * under way do not end in time this throws IN_USE and nothing is closed, least of all the locks.
     */
    @Override
    public void close() throws IOException {
        if (device.state() == DeviceState.CLOSED) {
            return;
        }
        if (!changesEnded) {
            awaitChange();
        }
        boolean proper = device.writable() && device.state() != DeviceState.ABORTED;
        ChangedBlockTracker marks = tracking.tracker();
        if (marks != null) {
            device.beforeClosed(top -> tracking.bitmaps().beforeClose(top, marks));
        }
        try {
            device.detach();
        } catch (IOException e) {
            if (device.state() == DeviceState.ABORTED || device.state() == DeviceState.CLOSED) {
                letGo(e);
            }
            changesEnded = false;
            closing = false;
            changing.release();
            throw e;
        }
        try (locks) {
            if (proper && marks != null) {
                storeBitmaps(marks);
                marks.close(ImageIdentity.of(files()));
            } else if (marks != null) {
                marks.close();
            }
            if (proper) {
                // A single file may have become a folder.
                Beside beside = Beside.of(files());
                OwnerRecord.remove(beside.folder(), beside.owner());
            }
        }
    }

    /** When it fails the image counts as not closed: the next one to open it on this host recovers it. */
    private void storeBitmaps(ChangedBlockTracker marks) throws IOException {
        // All data is durable, and nobody writes any more.
        marks.flushDataWith(() -> {});
        try {
            tracking.bitmaps().afterClose(files(), marks, cursor());
            ChangedRanges log = closingWrites;
            if (log != null && overlay != null) {
                // They were written past whoever observes the device.
                log.all(sizeOf(files().top()));
            }
        } catch (IOException e) {
            marks.close();
            throw e;
        }
    }

    private static long sizeOf(ChainFiles.Link file) throws IOException {
        try (ImageIo io = file.directory().open(file.fileName(), ImageDirectory.OpenMode.READ_ONLY)) {
            return io.size();
        }
    }

    private AllocationCursor cursor() throws IOException {
        AttachedOverlay levels = overlay;
        return levels == null ? PloopDevice.cursor(area) : levels.cursor();
    }

    /**
     * No change of the tree is under way on return, and none begins until {@link #allowChanges}. What can be called off is.
     *
     * @throws ImageException IN_USE when a change does not end in time; then nothing is different
     */
    public void endChanges() throws IOException {
        awaitChange();
        changesEnded = true;
    }

    /** Undoes {@link #endChanges}. */
    public void allowChanges() {
        if (changesEnded) {
            changesEnded = false;
            closing = false;
            changing.release();
        }
    }

    private void awaitChange() throws IOException {
        closing = true;
        Optional<ImageTracking> copy = tracking();
        if (copy.isPresent()) {
            copy.get().close();
        }
        boolean free = false;
        try {
            free = changing.tryAcquire(CHANGE_ENDS_WITHIN.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!free) {
            closing = false;
            throw new ImageException(
                    ImageException.Kind.IN_USE, name() + ": its snapshots are being changed; it stays attached");
        }
    }

    private void letGo(IOException cause) {
        try (locks) {
            device.close();
            ChangedBlockTracker marks = tracking.tracker();
            if (marks != null) {
                marks.close();
            }
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }
}
