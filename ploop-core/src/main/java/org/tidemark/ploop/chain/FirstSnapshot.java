package org.tidemark.ploop.chain;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import org.tidemark.ploop.chain.ChainFiles.Link;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/**
 * The first snapshot of an image that is a single raw or expanded file: the image becomes a folder of the same name, in which
 * the file is the frozen base and an empty delta lies on top. No byte of it is copied or changed.
 *
 * <pre>
 *   folder under another name, with a second name of the file, the delta and the descriptor, durable
 *   | the two names change places, durable = COMMIT | the file's old name gone | tracker bound to the new files
 * </pre>
 *
 * What a crash leaves is tidied by {@link FolderAside}. {@link AttachedFirst} does the same to a file in use.
 *
 * <p>Other tools take a raw base for the whole disk, as it is.
 */
public final class FirstSnapshot {
    private final Supplier<UUID> newIds;
    private final Runnable betweenSteps;

    /** {@code newIds} gives names that nobody has used, usually {@code UUID::randomUUID}. */
    public FirstSnapshot(Supplier<UUID> newIds) {
        this(newIds, () -> {});
    }

    FirstSnapshot(Supplier<UUID> newIds, Runnable betweenSteps) {
        this.newIds = newIds;
        this.betweenSteps = betweenSteps;
    }

    /** Whether an image gets its first snapshot in this way. */
    public static boolean concerns(ChainFiles files) {
        return files.descriptor().isEmpty() && files.links().size() == 1 && !OverlayClone.concerns(files);
    }

    /**
     * Makes the folder. Returns the snapshot's name; all is durable then.
     *
     * @throws ImageException IN_USE when somebody has the file open; NOT_CLOSED when an expanded file was not closed;
     *     UNSUPPORTED when its size is no multiple of a cluster, or its file system cannot exchange names
     */
    public String take(Path image) throws IOException {
        return take(ChainFiles.at(image.toRealPath(), VfsImageDirectory::new));
    }

    /** The same of files that are opened already. */
    public String take(ChainFiles files) throws IOException {
        ChainFiles lone = withFittingClusters(files);
        ImageDirectory directory = lone.directory();
        String name = lone.top().fileName();
        String guid = Guid.of(newIds.get());
        FolderAside aside = new FolderAside(directory, name);
        try (ImageDirectory.ImageLock lock = directory.lock(name, true)) {
            aside.remove();
            String identity = ImageIdentity.of(lone);
            boolean done = false;
            try {
                ImageDirectory folder = aside.make();
                betweenSteps.run();
                new ImageClone(newIds).fill(lone, ImageClone.geometryOf(lone), List.of(guid), folder);
                betweenSteps.run();
                carryTracker(directory, name, folder);
                betweenSteps.run();
                aside.exchange();
                done = true;
                betweenSteps.run();
            } finally {
                if (!done) {
                    aside.remove();
                }
            }
            directory.sync();
            aside.settle();
            betweenSteps.run();
            bindTracker(directory.folder(name), identity);
        }
        return guid;
    }

    /** A chain needs clusters, of which the disk has a whole number; the largest that fit, up to the usual size. */
    static ChainFiles withFittingClusters(ChainFiles lone) throws IOException {
        Link top = lone.top();
        if (!top.formatId().equals(RawFormat.ID)) {
            return lone;
        }
        try (ImageIo io = lone.directory().open(top.fileName(), OpenMode.READ_ONLY)) {
            int clusterBytes = LostDescriptor.clusterBytesOf(io.size());
            if (clusterBytes == 0) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        lone.name() + ": a raw image of " + io.size() + " bytes cannot have snapshots, its size is no"
                                + " multiple of 32 KiB; make it a little larger with 'tidemark image resize'");
            }
            return new ChainFiles(lone.name(), lone.directory(), lone.links(), Optional.empty(), clusterBytes);
        }
    }

    private static void carryTracker(ImageDirectory from, String name, ImageDirectory folder) throws IOException {
        String tracker = name + "." + TrackerBinding.FILE_NAME;
        if (from.exists(tracker)) {
            from.link(tracker, folder, TrackerBinding.FILE_NAME);
            folder.sync();
        }
    }

    private static void bindTracker(ImageDirectory there, String identity) throws IOException {
        if (there.exists(TrackerBinding.FILE_NAME)) {
            ChainFiles files = ChainFiles.in(there);
            long size = SnapshotOperations.described(files).geometry().diskSizeBytes();
            ChangedBlockTracker.rebind(there, TrackerBinding.FILE_NAME, size, identity, ImageIdentity.of(files));
        }
    }
}
