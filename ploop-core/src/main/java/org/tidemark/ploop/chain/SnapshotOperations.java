package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.DiskDescriptor.Image;
import org.tidemark.ploop.chain.DiskDescriptor.Shot;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageException;

/**
 * Changes of the tree of snapshots of an image, attached here ({@link AttachedImage#snapshots}) or to nobody. What concerns
 * the files of a device in use is done under it, see {@link AttachedChain}; of other files only names and content change.
 *
 * <p>Every operation is: lock; finish what an earlier one left ({@link #recover}); write down the intent; make files and
 * content durable; replace the descriptor, which is the one commit point; delete what is not named any more; remove the
 * intent. After a crash at any moment each level that is named has the content it had, and the next operation, or {@link
 * #recover}, tidies up.
 *
 * <p>What other tools allow and these refuse: deleting the level that is written to (its parent would be written to, although
 * other snapshots may descend from it).
 */
public final class SnapshotOperations {
    private final Supplier<UUID> newIds;
    private final ChainProgress progress;
    private final @Nullable AttachedChain attached;
    private final @Nullable AttachedOverlay overlay;

    /** {@code newIds} gives names that nobody has used, usually {@code UUID::randomUUID}. */
    public SnapshotOperations(Supplier<UUID> newIds) {
        this(newIds, ChainProgress.NONE);
    }

    public SnapshotOperations(Supplier<UUID> newIds, ChainProgress progress) {
        this(newIds, progress, null, null);
    }

    SnapshotOperations(
            Supplier<UUID> newIds,
            ChainProgress progress,
            @Nullable AttachedChain attached,
            @Nullable AttachedOverlay overlay) {
        this.newIds = newIds;
        this.progress = progress;
        this.attached = attached;
        this.overlay = overlay;
    }

    private OverlaySnapshots overlays(ChainFiles files) {
        return new OverlaySnapshots(files, newIds, progress, overlay);
    }

    /** One level of the tree. */
    public record Snapshot(String guid, String parentGuid, String file, boolean current, boolean temporary) {}

    /** All levels of an image with a descriptor, or of a qcow2 image and the files it stands on. */
    public static List<Snapshot> list(ChainFiles files) throws IOException {
        return OverlaySnapshots.concerns(files) ? OverlaySnapshots.list(files) : list(described(files));
    }

    /** All levels, as the descriptor lists them. */
    public static List<Snapshot> list(DiskDescriptor descriptor) throws ImageException {
        List<Snapshot> snapshots = new ArrayList<>();
        for (Shot shot : descriptor.shots()) {
            snapshots.add(new Snapshot(
                    shot.guid(),
                    shot.parentGuid(),
                    descriptor.imageOf(shot).file(),
                    shot.guid().equals(descriptor.topGuid()),
                    shot.temporary()));
        }
        return snapshots;
    }

    /** Freezes the present content and puts a new, empty delta on top. Returns the snapshot's name. */
    public String create(ChainFiles files) throws IOException {
        if (attached != null) {
            try (PreparedSnapshot prepared = prepare(files)) {
                return prepared.take(AttachedChain.DRAIN_LIMIT_NANOS);
            }
        }
        if (OverlaySnapshots.concerns(files)) {
            return overlays(files).create(files);
        }
        DiskDescriptor read = described(files);
        try (Closeable tree = ChainSteps.lockTree(files.directory());
                ChainLocks locks = ChainLocks.take(files, true)) {
            DiskDescriptor descriptor = recovered(files.directory());
            if (!Arrays.equals(descriptor.serialise(), read.serialise())) {
                throw new ImageException(
                        ImageException.Kind.IN_USE,
                        files.name() + ": somebody changed the snapshots just now; try again");
            }
            ChainSteps.requireRoom(files.directory(), descriptor);
            requireQuiet(files);
            TrackerBinding tracker = TrackerBinding.of(files.directory());
            String snapshotGuid = ChainSteps.newGuid(files.directory(), descriptor, newIds);
            String newFile = ChainSteps.newFileName(descriptor, newIds);
            replaceTop(
                    files.directory(),
                    newFile,
                    List.of(newFile),
                    descriptor.withSnapshot(snapshotGuid, newFile),
                    Optional.of(files.top()));
            tracker.renew();
            return snapshotGuid;
        }
    }

    /**
     * Does everything for a snapshot of an attached image that takes time; {@link PreparedSnapshot#take} is the instant.
     * Nobody else can change the tree until the preparation is closed.
     */
    public PreparedSnapshot prepare(ChainFiles files) throws IOException {
        if (OverlaySnapshots.concerns(files)) {
            return overlays(files).prepare();
        }
        AttachedChain chain = attached;
        if (chain == null) {
            throw ChainSteps.invalid(files.directory(), "is not attached; a snapshot of it needs no preparation");
        }
        if (FirstSnapshot.concerns(files)) {
            return chain.prepareFirst(newIds);
        }
        described(files);
        Closeable tree = ChainSteps.lockTree(files.directory());
        boolean done = false;
        try {
            DiskDescriptor descriptor = recovered(files.directory());
            PreparedSnapshot prepared = chain.prepare(descriptor, newIds, tree);
            done = true;
            return prepared;
        } finally {
            if (!done) {
                tree.close();
            }
        }
    }

    /** What became of a level that was to be deleted. */
    public enum Deleted {
        /** Its file is gone. */
        REMOVED,
        /** Its content is part of the level above it now. */
        MERGED,
        /** Several levels descend from it: it goes when only one is left, and until then it is marked. */
        MARKED
    }

    /**
     * Deletes a snapshot; the content of every other level stays what it is.
     *
     * @throws ImageException INVALID_REQUEST for the level that is written to and for a name that does not exist; IN_USE
     *     when a file concerned is attached
     */
    public Deleted delete(ChainFiles files, String guid) throws IOException {
        if (OverlaySnapshots.concerns(files)) {
            return overlays(files).delete(guid);
        }
        ImageDirectory folder = files.directory();
        described(files);
        try (Closeable tree = ChainSteps.lockTree(folder)) {
            DiskDescriptor descriptor = recovered(folder);
            Shot shot = requireNotTop(descriptor, guid);
            TrackerBinding tracker = binding(folder);
            Deleted outcome = delete(folder, descriptor, shot);
            tracker.renew();
            return outcome;
        }
    }

    private Deleted delete(ImageDirectory folder, DiskDescriptor descriptor, Shot shot) throws IOException {
        List<Shot> children = descriptor.childrenOf(shot.guid());
        if (children.size() > 1) {
            descriptor.withTemporary(shot.guid()).store(folder);
            return Deleted.MARKED;
        }
        if (children.size() == 1) {
            merge(folder, descriptor, shot, children.get(0));
            return Deleted.MERGED;
        }
        deleteLeaf(folder, descriptor, shot);
        finishMarked(folder, shot.parentGuid());
        return Deleted.REMOVED;
    }

    /** The tracker of an image in use is with its device. */
    private TrackerBinding binding(ImageDirectory folder) throws IOException {
        return attached == null ? TrackerBinding.of(folder) : TrackerBinding.NONE;
    }

    /**
     * Writes the content of a level down into the file of its parent, which ceases to be a level: the deltas become one
     * fewer, the level keeps its name.
     *
     * @throws ImageException INVALID_REQUEST for the base, and when other levels descend from the parent
     */
    public void merge(ChainFiles files, String guid) throws IOException {
        if (OverlaySnapshots.concerns(files)) {
            overlays(files).merge(guid);
            return;
        }
        ImageDirectory folder = files.directory();
        described(files);
        try (Closeable tree = ChainSteps.lockTree(folder)) {
            DiskDescriptor descriptor = recovered(folder);
            Shot shot = descriptor.requireShot(guid);
            if (shot.parentGuid().equals(Guid.NONE)) {
                throw ChainSteps.invalid(folder, shot.guid() + " is the base; there is nothing below it to merge with");
            }
            TrackerBinding tracker = binding(folder);
            mergeInto(folder, descriptor, shot);
            tracker.renew();
        }
    }

    /** Merges all levels from the base to the one that is written to, so that one file is left. Returns how many went. */
    public int mergeAll(ChainFiles files) throws IOException {
        if (OverlaySnapshots.concerns(files)) {
            return overlays(files).mergeAll();
        }
        ImageDirectory folder = files.directory();
        described(files);
        try (Closeable tree = ChainSteps.lockTree(folder)) {
            DiskDescriptor descriptor = recovered(folder);
            for (Shot shot : descriptor.shots()) {
                if (descriptor.childrenOf(shot.guid()).size() > 1) {
                    throw ChainSteps.invalid(
                            folder,
                            "several levels descend from " + shot.guid() + "; delete those that are not needed first");
                }
            }
            TrackerBinding tracker = binding(folder);
            int merged = 0;
            // From below: then each cluster is copied once for each level that has it, and not once for each level.
            while (descriptor.shots().size() > 1) {
                Shot base = descriptor.childrenOf(Guid.NONE).get(0);
                merge(
                        folder,
                        descriptor,
                        base,
                        descriptor.childrenOf(base.guid()).get(0));
                merged++;
                descriptor = DiskDescriptor.read(folder);
            }
            tracker.renew();
            return merged;
        }
    }

    /**
     * Goes back to a snapshot: a new, empty delta on top of it is written to from now on, and what was written since the
     * old top's snapshot is gone. The image must not be attached.
     */
    public void switchTo(ChainFiles files, String guid) throws IOException {
        if (OverlaySnapshots.concerns(files)) {
            overlays(files).switchTo(guid);
            return;
        }
        ImageDirectory folder = files.directory();
        if (attached != null) {
            throw new ImageException(
                    ImageException.Kind.IN_USE,
                    files.name()
                            + ": is attached, and its content would change under whoever uses it; detach it first");
        }
        described(files);
        try (Closeable tree = ChainSteps.lockTree(folder)) {
            DiskDescriptor descriptor = recovered(folder);
            Shot target = requireNotTop(descriptor, guid);
            if (target.temporary()) {
                throw ChainSteps.invalid(folder, target.guid() + " is marked to be deleted");
            }
            Shot top = descriptor.requireShot(descriptor.topGuid());
            String oldFile = ChainSteps.plainFile(folder, descriptor.imageOf(top));
            try (ImageLock lock = folder.lock(oldFile, true)) {
                String newFile = ChainSteps.newFileName(descriptor, newIds);
                replaceTop(
                        folder,
                        newFile,
                        List.of(newFile, oldFile),
                        descriptor.withTopAt(target.guid(), newFile),
                        Optional.empty());
            }
            finishMarked(folder, top.parentGuid());
        }
    }

    /**
     * Finishes, or undoes, what an operation left when its host went down. Does nothing when nothing was under way.
     * Returns whether there was something.
     */
    public boolean recover(ImageDirectory folder) throws IOException {
        if (!ChainIntent.isIn(folder)) {
            return false;
        }
        try (Closeable tree = ChainSteps.lockTree(folder)) {
            recovered(folder);
            return true;
        }
    }

    /** The same, of an image of whatever kind. */
    public boolean recover(ChainFiles files) throws IOException {
        return OverlaySnapshots.concerns(files) ? overlays(files).recover() : recover(files.directory());
    }

    private DiskDescriptor recovered(ImageDirectory folder) throws IOException {
        ChainIntent.removeHalf(folder);
        DiskDescriptor descriptor = DiskDescriptor.read(folder);
        Optional<ChainIntent> intent = ChainIntent.read(folder);
        if (intent.isEmpty()) {
            return descriptor;
        }
        Optional<ChainIntent.Merge> merge = intent.get().merge();
        if (merge.isPresent() && ChainSteps.isPending(descriptor, merge.get())) {
            Shot removed = descriptor.requireShot(merge.get().removed());
            merge(
                    folder,
                    descriptor,
                    removed,
                    descriptor.requireShot(merge.get().child()));
        } else {
            // Its commit may have been seen and not be durable: nothing is deleted before it is.
            folder.sync();
            ChainSteps.finishGrowth(folder, descriptor, intent.get());
            intent.get().settle(folder, descriptor);
        }
        return DiskDescriptor.read(folder);
    }

    private void mergeInto(ImageDirectory folder, DiskDescriptor descriptor, Shot child) throws IOException {
        Shot parent = descriptor.requireShot(child.parentGuid());
        if (descriptor.childrenOf(parent.guid()).size() > 1) {
            throw ChainSteps.invalid(
                    folder,
                    "other levels descend from " + parent.guid() + " too, and would change with it; delete them first");
        }
        merge(folder, descriptor, parent, child);
    }

    /** The child's content goes down into the file of {@code removed}; see {@link DeltaMerge} for why it can be repeated. */
    private void merge(ImageDirectory folder, DiskDescriptor descriptor, Shot removed, Shot child) throws IOException {
        AttachedChain inUse = attached;
        if (inUse != null && inUse.holds(removed)) {
            inUse.merge(descriptor, removed, child, progress);
            return;
        }
        String lowerFile = ChainSteps.plainFile(folder, descriptor.imageOf(removed));
        String upperFile = ChainSteps.plainFile(folder, descriptor.imageOf(child));
        AllocationCursor none = AllocationCursor.transientCursor();
        try (ImageLock lowerLock = folder.lock(lowerFile, true);
                ImageLock upperLock = folder.lock(upperFile, true)) {
            boolean again = ChainIntent.read(folder).isPresent();
            try (Delta upper =
                    ChainSteps.open(folder, descriptor.imageOf(child), OpenIntent.WRITE, descriptor.geometry(), none)) {
                DiskDescriptor marked = descriptor.withTemporary(removed.guid());
                mergeFiles(folder, descriptor, new ChainIntent.Merge(removed.guid(), child.guid()), upper, again);
                ChainSteps.commit(folder, marked.withMerged(removed.guid(), child.guid()));
            } catch (ChainCancelledException e) {
                ChainSteps.suspend(folder);
                throw e;
            }
        }
    }

    private void mergeFiles(
            ImageDirectory folder, DiskDescriptor descriptor, ChainIntent.Merge both, Delta upper, boolean again)
            throws IOException {
        Shot removed = descriptor.requireShot(both.removed());
        Image lowerImage = descriptor.imageOf(removed);
        String upperFile =
                descriptor.imageOf(descriptor.requireShot(both.child())).file();
        // Both may be of a smaller disk than the image has now.
        DeltaGeometry geometry = upper.geometry();
        if (ChainSteps.isOfSmallerDisk(folder, lowerImage, geometry)) {
            AllocationCursor none = AllocationCursor.transientCursor();
            // Nothing is changed in a level that cannot be written to, or before it is marked as one that goes.
            ChainSteps.openLower(folder, lowerImage, geometry, again, none).close();
            new ChainIntent(Optional.of(both), List.of(upperFile)).write(folder);
            descriptor.withTemporary(removed.guid()).store(folder);
            ChainSteps.growLower(folder, lowerImage, geometry);
        }
        try (Delta lower =
                ChainSteps.openLower(folder, lowerImage, geometry, again, AllocationCursor.transientCursor())) {
            boolean base = removed.parentGuid().equals(Guid.NONE);
            DeltaMerge merge = DeltaMerge.of(upper, lower, base, progress);
            new ChainIntent(Optional.of(both), List.of(upperFile)).write(folder);
            descriptor.withTemporary(removed.guid()).store(folder);
            lower.markInUse();
            merge.run();
            if (both.child().equals(descriptor.topGuid())) {
                ExtensionBitmaps.moveDown(upper, lower);
            }
            lower.markClosed();
        }
    }

    private static void deleteLeaf(ImageDirectory folder, DiskDescriptor descriptor, Shot shot) throws IOException {
        String file = ChainSteps.plainFile(folder, descriptor.imageOf(shot));
        try (ImageLock lock = folder.lock(file, true)) {
            ChainIntent.newFile(file).write(folder);
            ChainSteps.commit(folder, descriptor.withoutLeaf(shot.guid()));
        }
    }

    /** A level that only waited for its last but one child to go. One that is in use now waits for the next time. */
    private void finishMarked(ImageDirectory folder, String guid) throws IOException {
        DiskDescriptor descriptor = DiskDescriptor.read(folder);
        Optional<Shot> marked = descriptor.shots().stream()
                .filter(shot -> shot.guid().equals(guid) && shot.temporary())
                .findFirst();
        if (marked.isEmpty()) {
            return;
        }
        List<Shot> children = descriptor.childrenOf(guid);
        try {
            if (children.isEmpty()) {
                deleteLeaf(folder, descriptor, marked.get());
                finishMarked(folder, marked.get().parentGuid());
            } else if (children.size() == 1) {
                merge(folder, descriptor, marked.get(), children.get(0));
            }
        } catch (ImageException e) {
            if (e.kind() != ImageException.Kind.IN_USE) {
                throw e;
            }
        }
    }

    private static Shot requireNotTop(DiskDescriptor descriptor, String guid) throws ImageException {
        Shot shot = descriptor.requireShot(guid);
        if (shot.guid().equals(descriptor.topGuid())) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    shot.guid()
                            + " is the level that is written to; 'tidemark snapshot switch' goes back to another one");
        }
        return shot;
    }

    static DiskDescriptor described(ChainFiles files) throws ImageException {
        return files.descriptor()
                .orElseThrow(() -> new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        files.name()
                                + ": a single file has no snapshots; its first 'tidemark snapshot create' makes a folder of"
                                + " it"));
    }

    /** The top must have been closed. */
    private static void requireQuiet(ChainFiles files) throws IOException {
        try (ImageChain chain = ImageChain.open(files, OpenIntent.WRITE, AllocationCursor.transientCursor())) {
            ChainSteps.requireWholeClusters(files.name(), chain.top());
        }
    }

    /**
     * Puts a new, empty delta on top. What fails before the descriptor was replaced leaves nothing behind.
     *
     * @param same the old top, when the disk stays what it is: its bitmaps of changes are the new one's too
     */
    private static void replaceTop(
            ImageDirectory folder,
            String newFile,
            List<String> perhapsUnnamed,
            DiskDescriptor changed,
            Optional<ChainFiles.Link> same)
            throws IOException {
        ChainIntent intent = new ChainIntent(Optional.empty(), perhapsUnnamed);
        intent.write(folder);
        try {
            ExpandedVersion version = ChainSteps.versionIn(folder, changed.images());
            ChainSteps.makeDelta(folder, newFile, changed.geometry(), version);
            if (same.isPresent()) {
                ExtensionBitmaps.copy(same.get(), folder, newFile);
            }
            ChainSteps.commit(folder, changed);
        } catch (IOException e) {
            try {
                DiskDescriptor now = DiskDescriptor.read(folder);
                if (now.images().stream().noneMatch(image -> image.file().equals(newFile))) {
                    intent.settle(folder, now);
                }
            } catch (IOException again) {
                e.addSuppressed(again);
            }
            throw e;
        }
    }
}
