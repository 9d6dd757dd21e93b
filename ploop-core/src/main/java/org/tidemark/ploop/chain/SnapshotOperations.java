package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import org.tidemark.ploop.chain.DiskDescriptor.Image;
import org.tidemark.ploop.chain.DiskDescriptor.Shot;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.Formats;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Snapshots of an image whose files concerned are not attached: only files change.
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
    /** As many as every other tool can read. */
    private static final int MAX_DELTAS = 126;

    private static final String LOCK_NAME = DiskDescriptor.FILE_NAME + ".lck";

    private final Supplier<UUID> newIds;
    private final ChainProgress progress;

    /** {@code newIds} gives names that nobody has used, usually {@code UUID::randomUUID}. */
    public SnapshotOperations(Supplier<UUID> newIds) {
        this(newIds, ChainProgress.NONE);
    }

    public SnapshotOperations(Supplier<UUID> newIds, ChainProgress progress) {
        this.newIds = newIds;
        this.progress = progress;
    }

    /** One level of the tree. */
    public record Snapshot(String guid, String parentGuid, String file, boolean current, boolean temporary) {}

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
        DiskDescriptor read = described(files);
        try (Closeable tree = lockTree(files.directory());
                ChainLocks locks = ChainLocks.take(files, true)) {
            DiskDescriptor descriptor = recovered(files.directory());
            if (!Arrays.equals(descriptor.serialise(), read.serialise())) {
                throw new ImageException(
                        ImageException.Kind.IN_USE,
                        files.name() + ": somebody changed the snapshots just now; try again");
            }
            requireQuiet(files, locks);
            String snapshotGuid = Guid.of(newIds.get());
            String newFile = newFileName(descriptor);
            replaceTop(files.directory(), newFile, List.of(newFile), descriptor.withSnapshot(snapshotGuid, newFile));
            return snapshotGuid;
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
        ImageDirectory folder = files.directory();
        described(files);
        try (Closeable tree = lockTree(folder)) {
            DiskDescriptor descriptor = recovered(folder);
            Shot shot = requireNotTop(descriptor, guid);
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
    }

    /**
     * Writes the content of a level down into the file of its parent, which ceases to be a level: the deltas become one
     * fewer, the level keeps its name.
     *
     * @throws ImageException INVALID_REQUEST for the base, and when other levels descend from the parent
     */
    public void merge(ChainFiles files, String guid) throws IOException {
        ImageDirectory folder = files.directory();
        described(files);
        try (Closeable tree = lockTree(folder)) {
            DiskDescriptor descriptor = recovered(folder);
            Shot shot = descriptor.requireShot(guid);
            if (shot.parentGuid().equals(Guid.NONE)) {
                throw invalid(folder, shot.guid() + " is the base; there is nothing below it to merge with");
            }
            mergeInto(folder, descriptor, shot);
        }
    }

    /** Merges all levels from the base to the one that is written to, so that one file is left. Returns how many went. */
    public int mergeAll(ChainFiles files) throws IOException {
        ImageDirectory folder = files.directory();
        described(files);
        try (Closeable tree = lockTree(folder)) {
            DiskDescriptor descriptor = recovered(folder);
            for (Shot shot : descriptor.shots()) {
                if (descriptor.childrenOf(shot.guid()).size() > 1) {
                    throw invalid(
                            folder,
                            "several levels descend from " + shot.guid() + "; delete those that are not needed first");
                }
            }
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
            return merged;
        }
    }

    /**
     * Goes back to a snapshot: a new, empty delta on top of it is written to from now on, and what was written since the
     * old top's snapshot is gone. The image must not be attached.
     */
    public void switchTo(ChainFiles files, String guid) throws IOException {
        ImageDirectory folder = files.directory();
        described(files);
        try (Closeable tree = lockTree(folder)) {
            DiskDescriptor descriptor = recovered(folder);
            Shot target = requireNotTop(descriptor, guid);
            if (target.temporary()) {
                throw invalid(folder, target.guid() + " is marked to be deleted");
            }
            Shot top = descriptor.requireShot(descriptor.topGuid());
            String oldFile = plainFile(folder, descriptor.imageOf(top));
            try (ImageLock lock = folder.lock(oldFile, true)) {
                String newFile = newFileName(descriptor);
                replaceTop(folder, newFile, List.of(newFile, oldFile), descriptor.withTopAt(target.guid(), newFile));
            }
            finishMarked(folder, top.parentGuid());
        }
    }

    /**
     * Finishes, or undoes, what an operation left when its host went down. Does nothing when nothing was under way.
     * Returns whether there was something.
     */
    public boolean recover(ImageDirectory folder) throws IOException {
        if (!folder.exists(ChainIntent.FILE_NAME)) {
            return false;
        }
        try (Closeable tree = lockTree(folder)) {
            recovered(folder);
            return true;
        }
    }

    private DiskDescriptor recovered(ImageDirectory folder) throws IOException {
        DiskDescriptor descriptor = DiskDescriptor.read(folder);
        Optional<ChainIntent> intent = ChainIntent.read(folder);
        if (intent.isEmpty()) {
            return descriptor;
        }
        Optional<ChainIntent.Merge> merge = intent.get().merge();
        if (merge.isPresent() && isPending(descriptor, merge.get())) {
            Shot removed = descriptor.requireShot(merge.get().removed());
            merge(
                    folder,
                    descriptor,
                    removed,
                    descriptor.requireShot(merge.get().child()));
        } else {
            // Its commit may have been seen and not be durable: nothing is deleted before it is.
            folder.sync();
            intent.get().settle(folder, descriptor);
        }
        return DiskDescriptor.read(folder);
    }

    private static boolean isPending(DiskDescriptor descriptor, ChainIntent.Merge merge) {
        return descriptor.shots().stream()
                .anyMatch(shot ->
                        shot.guid().equals(merge.child()) && shot.parentGuid().equals(merge.removed()));
    }

    private void mergeInto(ImageDirectory folder, DiskDescriptor descriptor, Shot child) throws IOException {
        Shot parent = descriptor.requireShot(child.parentGuid());
        if (descriptor.childrenOf(parent.guid()).size() > 1) {
            throw invalid(
                    folder,
                    "other levels descend from " + parent.guid() + " too, and would change with it; delete them first");
        }
        merge(folder, descriptor, parent, child);
    }

    /** The child's content goes down into the file of {@code removed}; see {@link DeltaMerge} for why it can be repeated. */
    private void merge(ImageDirectory folder, DiskDescriptor descriptor, Shot removed, Shot child) throws IOException {
        String lowerFile = plainFile(folder, descriptor.imageOf(removed));
        String upperFile = plainFile(folder, descriptor.imageOf(child));
        try (ImageLock lowerLock = folder.lock(lowerFile, true);
                ImageLock upperLock = folder.lock(upperFile, true)) {
            ChainLocks.requireOwn(folder, lowerFile);
            boolean again = ChainIntent.read(folder).isPresent();
            try (Delta upper = openClosed(folder, descriptor.imageOf(child), descriptor.geometry())) {
                DiskDescriptor marked = descriptor.withTemporary(removed.guid());
                try (Delta lower = openLower(folder, descriptor.imageOf(removed), descriptor.geometry(), again)) {
                    boolean base = removed.parentGuid().equals(Guid.NONE);
                    DeltaMerge merge = new DeltaMerge(upper, lower, base);
                    new ChainIntent(
                                    Optional.of(new ChainIntent.Merge(removed.guid(), child.guid())),
                                    List.of(upperFile))
                            .write(folder);
                    marked.store(folder);
                    lower.markInUse();
                    merge.run(progress);
                    lower.markClosed();
                }
                commit(folder, marked.withMerged(removed.guid(), child.guid()));
            }
        }
    }

    /** A level that nothing was written to since it was frozen, or a top that was closed. */
    private static Delta openClosed(ImageDirectory folder, Image image, DeltaGeometry geometry) throws IOException {
        return open(folder, image, OpenIntent.WRITE, geometry);
    }

    private static Delta openLower(ImageDirectory folder, Image image, DeltaGeometry geometry, boolean again)
            throws IOException {
        if (image.formatId().equals(RawFormat.ID)) {
            growRaw(folder, image.file(), geometry.diskSizeBytes());
        }
        try {
            return open(folder, image, OpenIntent.WRITE, geometry);
        } catch (ImageException e) {
            if (again && e.kind() == ImageException.Kind.NOT_CLOSED) {
                return open(folder, image, OpenIntent.RECOVER, geometry);
            }
            throw e;
        }
    }

    private static void growRaw(ImageDirectory folder, String file, long sizeBytes) throws IOException {
        try (ImageIo io = folder.open(file, OpenMode.READ_WRITE)) {
            if (io.size() < sizeBytes) {
                io.truncate(sizeBytes);
                io.flush();
            }
        }
    }

    private static Delta open(ImageDirectory folder, Image image, OpenIntent intent, DeltaGeometry geometry)
            throws IOException {
        ImageIo io = folder.open(image.file(), OpenMode.READ_WRITE);
        boolean opened = false;
        try {
            Delta delta = Formats.byId(image.formatId())
                    .open(io, intent, geometry.clusterSizeBytes(), AllocationCursor.transientCursor());
            opened = true;
            return delta;
        } finally {
            if (!opened) {
                io.close();
            }
        }
    }

    private static void deleteLeaf(ImageDirectory folder, DiskDescriptor descriptor, Shot shot) throws IOException {
        String file = plainFile(folder, descriptor.imageOf(shot));
        try (ImageLock lock = folder.lock(file, true)) {
            ChainIntent.newFile(file).write(folder);
            commit(folder, descriptor.withoutLeaf(shot.guid()));
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

    private static ImageException invalid(ImageDirectory folder, String what) {
        return new ImageException(ImageException.Kind.INVALID_REQUEST, folder.name() + ": " + what);
    }

    private static DiskDescriptor described(ChainFiles files) throws ImageException {
        return files.descriptor()
                .orElseThrow(() -> new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        files.name()
                                + ": a lone file has no place for snapshots; they need a folder with a descriptor"));
    }

    /** Only files beside the descriptor are ever changed or deleted. */
    private static String plainFile(ImageDirectory folder, Image image) throws ImageException {
        if (image.file().indexOf('/') >= 0) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    folder.name() + ": '" + image.file() + "' lies in another folder and is not changed");
        }
        return image.file();
    }

    /** One operation on a tree at a time, in whatever process. The lock's file stays. */
    private static Closeable lockTree(ImageDirectory folder) throws IOException {
        if (!folder.exists(LOCK_NAME)) {
            try {
                folder.create(LOCK_NAME).close();
            } catch (java.nio.file.FileAlreadyExistsException e) {
                // Somebody else was quicker; the lock decides.
            }
        }
        return folder.lock(LOCK_NAME, true);
    }

    /** The top must have been closed, and a raw base must end with a cluster. */
    private static void requireQuiet(ChainFiles files, ChainLocks locks) throws IOException {
        if (locks.locks().size() >= MAX_DELTAS) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    files.name() + ": has " + locks.locks().size() + " levels, more are not possible; merge some");
        }
        try (ImageChain chain = ImageChain.open(files, OpenIntent.WRITE, AllocationCursor.transientCursor())) {
            DeltaGeometry geometry = chain.top().geometry();
            if (chain.top().identityMapped() && geometry.diskSizeBytes() % geometry.clusterSizeBytes() != 0) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        files.name() + ": a raw image of " + geometry.diskSizeBytes()
                                + " bytes does not end with a cluster of " + geometry.clusterSizeBytes());
            }
        }
    }

    /** A name in the manner of every other tool: the base's, and a GUID that has nothing to do with the level's. */
    private String newFileName(DiskDescriptor descriptor) throws ImageException {
        String base = descriptor.pathTo(descriptor.topGuid()).get(0).file();
        String plain = base.substring(base.lastIndexOf('/') + 1);
        String prefix = plain.replaceAll("\\.\\{[0-9a-f-]{36}}$", "");
        return prefix + "." + Guid.of(newIds.get());
    }

    /** Puts a new, empty delta on top. What fails before the descriptor was replaced leaves nothing behind. */
    private static void replaceTop(
            ImageDirectory folder, String newFile, List<String> perhapsUnnamed, DiskDescriptor changed)
            throws IOException {
        ChainIntent intent = new ChainIntent(Optional.empty(), perhapsUnnamed);
        intent.write(folder);
        try {
            makeDelta(folder, newFile, changed.geometry());
            commit(folder, changed);
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

    /** Makes an empty delta; it and its name are durable on return. */
    private static void makeDelta(ImageDirectory folder, String file, DeltaGeometry geometry) throws IOException {
        try (ImageIo io = folder.create(file)) {
            new ExpandedFormat().create(io, geometry);
        }
        folder.sync();
    }

    /** The new descriptor becomes the one that counts; then what nobody names any more goes. */
    private static void commit(ImageDirectory folder, DiskDescriptor changed) throws IOException {
        changed.store(folder);
        Optional<ChainIntent> intent = ChainIntent.read(folder);
        if (intent.isPresent()) {
            intent.get().settle(folder, changed);
        }
    }
}
