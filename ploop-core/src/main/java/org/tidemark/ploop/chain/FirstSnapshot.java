package org.tidemark.ploop.chain;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
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
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.NameExchange;
import org.tidemark.ploop.os.OsException;

/**
 * The first snapshot of an image that is a single raw or expanded file: the image becomes a folder of the same name, in which
 * the file is the frozen base and an empty delta lies on top. No byte of it is copied or changed.
 *
 * <pre>
 *   folder under another name, with a second name of the file, the delta and the descriptor, durable
 *   | the two names change places, durable = COMMIT | the file's old name gone | tracker bound to the new files
 *   crash before the commit: the unfinished folder goes when somebody writes to the file, or tries again
 *   crash after it: the file's old name goes before anybody writes to it
 * </pre>
 *
 * <p>Other tools take a raw base for the whole disk, as it is.
 */
public final class FirstSnapshot {
    private static final String ASIDE = ".tidemark-folder";

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
        return files.descriptor().isEmpty() && !OverlayClone.concerns(files);
    }

    /**
     * Makes the folder. Returns the snapshot's name; all is durable then.
     *
     * @throws ImageException IN_USE when somebody has the file open; NOT_CLOSED when an expanded file was not closed;
     *     UNSUPPORTED when its size is no multiple of a cluster, or its file system cannot exchange names
     */
    public String take(Path image) throws IOException {
        Path file = image.toRealPath();
        Path aside = asideOf(file);
        ChainFiles lone = withFittingClusters(ChainFiles.at(file, VfsImageDirectory::new));
        ImageDirectory directory = lone.directory();
        String name = lone.top().fileName();
        String guid = Guid.of(newIds.get());
        try (ImageDirectory.ImageLock lock = directory.lock(name, true)) {
            ImageClone.remove(aside);
            String identity = ImageIdentity.of(lone);
            boolean done = false;
            try {
                Files.createDirectory(aside);
                betweenSteps.run();
                ImageDirectory folder = new VfsImageDirectory(aside);
                new ImageClone(newIds).fill(lone, List.of(guid), folder);
                betweenSteps.run();
                carryTracker(directory, name, folder);
                betweenSteps.run();
                exchange(aside, file);
                done = true;
                betweenSteps.run();
            } finally {
                if (!done) {
                    ImageClone.remove(aside);
                }
            }
            directory.sync();
            settle(directory, name);
            betweenSteps.run();
            bindTracker(file, identity);
        }
        return guid;
    }

    /** A chain needs clusters, of which the disk has a whole number; the largest that fit, up to the usual size. */
    private static ChainFiles withFittingClusters(ChainFiles lone) throws IOException {
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

    private static void exchange(Path aside, Path file) throws IOException {
        try {
            NameExchange.swap(aside, file);
        } catch (OsException e) {
            if (e.errno() == Errno.EINVAL || e.errno() == Errno.ENOSYS) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        file
                                + ": its file system cannot exchange a file for a folder; make a folder of it with 'tidemark"
                                + " image clone' or 'tidemark image convert'",
                        e);
            }
            throw e;
        }
    }

    /** What only the lone file had. */
    private static void settle(ImageDirectory directory, String name) throws IOException {
        for (String gone : List.of(
                "." + name + ASIDE, name + "." + TrackerBinding.FILE_NAME, name + "." + OwnerRecord.FILE_NAME)) {
            if (directory.exists(gone)) {
                directory.delete(gone);
            }
        }
        directory.sync();
    }

    private static void bindTracker(Path folder, String identity) throws IOException {
        ImageDirectory there = new VfsImageDirectory(folder);
        if (there.exists(TrackerBinding.FILE_NAME)) {
            ChainFiles files = ChainFiles.in(there);
            long size = SnapshotOperations.described(files).geometry().diskSizeBytes();
            ChangedBlockTracker.rebind(there, TrackerBinding.FILE_NAME, size, identity, ImageIdentity.of(files));
        }
    }

    private static Path asideOf(Path file) {
        return file.resolveSibling("." + file.getFileName() + ASIDE);
    }

    /**
     * Removes the second name that a crash left of a file in {@code folder}, be it the base of an image that has become a
     * folder, or the lone file of one that has not, so that the file is this image's own. Does nothing when there is none.
     *
     * @throws ImageException IN_USE while somebody is making the folder just now
     */
    static void finish(ImageDirectory folder, String file) throws IOException {
        Path here = Path.of(folder.name()).toAbsolutePath();
        Path unfinished = asideOf(here.resolve(file));
        if (Files.isDirectory(unfinished, LinkOption.NOFOLLOW_LINKS)) {
            try (ImageDirectory.ImageLock nobodyIsAtIt = folder.lock(file, true)) {
                ImageClone.remove(unfinished);
                folder.sync();
            }
        }
        Path image = here.getFileName();
        Path parent = here.getParent();
        if (image != null && parent != null && Files.isRegularFile(asideOf(here), LinkOption.NOFOLLOW_LINKS)) {
            ImageDirectory above = new VfsImageDirectory(parent);
            above.sync();
            settle(above, image.toString());
        }
    }
}
