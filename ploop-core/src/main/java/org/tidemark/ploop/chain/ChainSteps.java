package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
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
import org.tidemark.ploop.format.expanded.ExpandedLayout;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** The steps that changes of a tree are made of, whether the image is attached or not. */
final class ChainSteps {
    /** As many as every other tool can read. */
    static final int MAX_LEVELS = 126;

    static final String LOCK_NAME = DiskDescriptor.FILE_NAME + ".lck";

    private ChainSteps() {}

    /** One operation on a tree at a time, in whatever process. The lock's file stays. */
    static Closeable lockTree(ImageDirectory folder) throws IOException {
        if (!folder.exists(LOCK_NAME)) {
            try {
                folder.create(LOCK_NAME).close();
            } catch (java.nio.file.FileAlreadyExistsException e) {
                // Somebody else was quicker; the lock decides.
            }
        }
        return folder.lock(LOCK_NAME, true);
    }

    static ImageException invalid(ImageDirectory folder, String what) {
        return new ImageException(ImageException.Kind.INVALID_REQUEST, folder.name() + ": " + what);
    }

    /** Only files beside the descriptor are ever changed or deleted. */
    static String plainFile(ImageDirectory folder, Image image) throws ImageException {
        if (image.file().indexOf('/') >= 0) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    folder.name() + ": '" + image.file() + "' lies in another folder and is not changed");
        }
        return image.file();
    }

    /** One more level must be possible for every tool that reads the image. */
    static void requireRoom(ImageDirectory folder, DiskDescriptor descriptor) throws ImageException {
        if (descriptor.images().size() >= MAX_LEVELS) {
            throw invalid(
                    folder,
                    "has " + descriptor.images().size() + " levels, more are not possible; delete or merge some first"
                            + " ('tidemark snapshot delete')");
        }
    }

    /** A raw base must end with a cluster, or nothing can lie above it. */
    static void requireWholeClusters(String name, Delta top) throws ImageException {
        DeltaGeometry geometry = top.geometry();
        if (top.identityMapped() && geometry.diskSizeBytes() % geometry.clusterSizeBytes() != 0) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    name + ": a raw image of " + geometry.diskSizeBytes() + " bytes does not end with a cluster of "
                            + geometry.clusterSizeBytes());
        }
    }

    /** The name of a new snapshot; refused when there is one of that name. */
    static String newGuid(ImageDirectory folder, DiskDescriptor descriptor, Supplier<UUID> newIds)
            throws ImageException {
        String guid = Guid.of(newIds.get());
        if (guid.equals(Guid.NONE)
                || guid.equals(Guid.TOP)
                || descriptor.shots().stream().anyMatch(shot -> shot.guid().equals(guid))) {
            throw invalid(folder, "there is a snapshot " + guid + " already");
        }
        return guid;
    }

    /** A name in the manner of every other tool: the base's, and a GUID that has nothing to do with the level's. */
    static String newFileName(DiskDescriptor descriptor, Supplier<UUID> newIds) throws ImageException {
        String base = descriptor.pathTo(descriptor.topGuid()).get(0).file();
        String plain = base.substring(base.lastIndexOf('/') + 1);
        String prefix = plain.replaceAll("\\.\\{[0-9a-f-]{36}}$", "");
        return prefix + "." + Guid.of(newIds.get());
    }

    /** Makes an empty delta; it and its name are durable on return. */
    static void makeDelta(ImageDirectory folder, String file, DeltaGeometry geometry, ExpandedVersion version)
            throws IOException {
        try (ImageIo io = folder.create(file)) {
            new ExpandedFormat().create(io, geometry, new ExpandedLayout(version, false));
        }
        folder.sync();
    }

    /**
     * The version of the format that the expanded files of an image have, for a delta that is to stand among them: other
     * tools want one version in a chain. Version 2 when none of the files is expanded or in the folder.
     */
    static ExpandedVersion versionIn(ImageDirectory folder, List<Image> images) throws IOException {
        for (Image image : images) {
            if (!image.formatId().equals(ExpandedFormat.ID)
                    || image.file().indexOf('/') >= 0
                    || !folder.exists(image.file())) {
                continue;
            }
            try (ImageIo io = folder.open(image.file(), OpenMode.READ_ONLY)) {
                return ExpandedFormat.readHeader(io).version();
            }
        }
        return ExpandedVersion.V2;
    }

    /** Opens a level that is to be written; {@code again} when its mark may be left from an attempt that was broken off. */
    static Delta openLower(
            ImageDirectory folder, Image image, DeltaGeometry geometry, boolean again, AllocationCursor cursor)
            throws IOException {
        ChainLocks.requireOwn(folder, image.file());
        if (image.formatId().equals(RawFormat.ID)) {
            growRaw(folder, image.file(), geometry.diskSizeBytes());
        }
        try {
            return open(folder, image, OpenIntent.WRITE, geometry, cursor);
        } catch (ImageException e) {
            if (again && e.kind() == ImageException.Kind.NOT_CLOSED) {
                return open(folder, image, OpenIntent.RECOVER, geometry, cursor);
            }
            throw e;
        }
    }

    /** Whether the disk became larger since the level was frozen; a raw one is made larger whenever it is opened. */
    static boolean isOfSmallerDisk(ImageDirectory folder, Image image, DeltaGeometry geometry) throws IOException {
        if (!image.formatId().equals(ExpandedFormat.ID)) {
            return false;
        }
        try (ImageIo io = folder.open(image.file(), OpenMode.READ_ONLY)) {
            return ExpandedFormat.readHeader(io).geometry().diskSizeBytes() < geometry.diskSizeBytes();
        }
    }

    /** Gives a closed level that nobody reads the size of the disk; see {@link ExpandedFormat#grow} for crashes. */
    static void growLower(ImageDirectory folder, Image image, DeltaGeometry geometry) throws IOException {
        try (ImageIo io = folder.open(image.file(), OpenMode.READ_WRITE)) {
            new ExpandedFormat().grow(io, geometry);
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

    static Delta open(
            ImageDirectory folder, Image image, OpenIntent intent, DeltaGeometry geometry, AllocationCursor cursor)
            throws IOException {
        ImageIo io = ImageChain.observable(
                folder.open(image.file(), intent == OpenIntent.READ ? OpenMode.READ_ONLY : OpenMode.READ_WRITE));
        boolean opened = false;
        try {
            Delta delta = Formats.byId(image.formatId()).open(io, intent, geometry.clusterSizeBytes(), cursor);
            opened = true;
            return delta;
        } finally {
            if (!opened) {
                io.close();
            }
        }
    }

    /** The new descriptor becomes the one that counts; then what nobody names any more goes. */
    static void commit(ImageDirectory folder, DiskDescriptor changed) throws IOException {
        changed.store(folder);
        settle(folder, changed);
    }

    /** Deletes what nobody names any more, and the intent. */
    static void settle(ImageDirectory folder, DiskDescriptor descriptor) throws IOException {
        Optional<ChainIntent> intent = ChainIntent.read(folder);
        if (intent.isPresent()) {
            intent.get().settle(folder, descriptor);
        }
    }

    /** Whether the merge was written down and its commit has not happened. */
    static boolean isPending(DiskDescriptor descriptor, ChainIntent.Merge merge) {
        return descriptor.shots().stream()
                .anyMatch(shot ->
                        shot.guid().equals(merge.child()) && shot.parentGuid().equals(merge.removed()));
    }

    /**
     * Puts what an operation left into a state in which it can stay: a merge that was broken off stays marked in the
     * descriptor, its lower file is closed, and deleting the level once more goes on with it; of everything else the files
     * that nobody names go. Copies nothing. The tree is locked by the caller.
     */
    static void suspend(ImageDirectory folder) throws IOException {
        ChainIntent.removeHalf(folder);
        Optional<ChainIntent> intent = ChainIntent.read(folder);
        if (intent.isEmpty()) {
            return;
        }
        DiskDescriptor descriptor = DiskDescriptor.read(folder);
        Optional<ChainIntent.Merge> merge = intent.get().merge();
        if (merge.isPresent() && isPending(descriptor, merge.get())) {
            Shot removed = descriptor.requireShot(merge.get().removed());
            // Marked first: from here on nobody takes the level for a snapshot, with or without the intent.
            descriptor.withTemporary(removed.guid()).store(folder);
            Image child = descriptor.imageOf(descriptor.requireShot(merge.get().child()));
            DeltaGeometry geometry;
            try (Delta upper =
                    open(folder, child, OpenIntent.READ, descriptor.geometry(), AllocationCursor.transientCursor())) {
                geometry = upper.geometry();
            }
            try (Delta lower = openLower(
                    folder, descriptor.imageOf(removed), geometry, true, AllocationCursor.transientCursor())) {
                lower.markClosed();
            }
        } else {
            // Its commit may have been seen and not be durable: nothing is deleted before it is.
            folder.sync();
            finishGrowth(folder, descriptor, intent.get());
        }
        intent.get().settle(folder, descriptor);
    }

    /** The files of an image whose growth was broken off after its commit: the descriptor follows. */
    static ChainFiles withFinishedGrowth(ChainFiles files) throws IOException {
        if (files.descriptor().isEmpty() || !files.directory().exists(ChainIntent.FILE_NAME)) {
            return files;
        }
        Optional<ChainIntent> intent = ChainIntent.read(files.directory());
        if (intent.isEmpty() || intent.get().growBytes() == 0) {
            return files;
        }
        finishGrowth(files.directory(), files.descriptor().get(), intent.get());
        return files.with(DiskDescriptor.read(files.directory()));
    }

    /** A top that has got its new size already: the descriptor follows. Otherwise the disk stays as large as it was. */
    static void finishGrowth(ImageDirectory folder, DiskDescriptor descriptor, ChainIntent intent) throws IOException {
        if (intent.growBytes() == 0 || descriptor.geometry().diskSizeBytes() == intent.growBytes()) {
            return;
        }
        Image top = descriptor.imageOf(descriptor.requireShot(descriptor.topGuid()));
        if (sizeOf(folder, descriptor, top) != intent.growBytes()) {
            return;
        }
        // It may be seen and not be on the medium, because nobody flushed it or a flush of it failed.
        try (ImageIo io = folder.open(top.file(), OpenMode.READ_WRITE)) {
            io.flush();
        }
        if (sizeOf(folder, descriptor, top) == intent.growBytes()) {
            descriptor.withDiskSize(intent.growBytes()).store(folder);
        }
    }

    private static long sizeOf(ImageDirectory folder, DiskDescriptor descriptor, Image top) throws IOException {
        try (Delta delta =
                open(folder, top, OpenIntent.READ, descriptor.geometry(), AllocationCursor.transientCursor())) {
            return delta.geometry().diskSizeBytes();
        }
    }
}
