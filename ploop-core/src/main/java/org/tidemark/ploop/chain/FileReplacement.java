package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import org.tidemark.ploop.chain.DiskDescriptor.Image;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedLayout;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Puts another file in the place of one of an image's, with the same content; the image is not attached.
 *
 * <pre>
 *   rename:   intent | the file gets a second name, durable | descriptor replaced = COMMIT | the first name gone | intent gone
 *   replace:  what the other file holds compared and durable | descriptor replaced = COMMIT
 *             or, when the name stays: the other file renamed to it = COMMIT
 *   convert:  intent | new file filled, durable | descriptor replaced = COMMIT | old file gone | intent gone | rename
 * </pre>
 *
 * A crash leaves the image with the one file or the other, and a file that nobody names goes with the next change of the image
 * or its next attach. A conversion cut off before its last step leaves the image converted, in a file of another name.
 */
public final class FileReplacement {
    private static final int PIECE_BYTES = 1 << 20;

    private final ImageDirectory folder;
    private final DiskDescriptor descriptor;

    private FileReplacement(ImageDirectory folder, DiskDescriptor descriptor) {
        this.folder = folder;
        this.descriptor = descriptor;
    }

    private interface Work {
        void run(FileReplacement replacement) throws IOException;
    }

    /** Nobody has a file of the image open while {@code work} runs; the tracker of changes follows. */
    private static void locked(ChainFiles files, Work work) throws IOException {
        SnapshotOperations.described(files);
        ImageDirectory folder = files.directory();
        try (Closeable tree = ChainSteps.lockTree(folder)) {
            List<ImageLock> locks = new ArrayList<>();
            try {
                ChainSteps.suspend(folder);
                DiskDescriptor descriptor = DiskDescriptor.read(folder);
                for (Image image : descriptor.images()) {
                    locks.add(folder.lock(ChainSteps.plainFile(folder, image), true));
                }
                TrackerBinding tracker = TrackerBinding.of(folder);
                work.run(new FileReplacement(folder, descriptor));
                tracker.renew();
            } finally {
                for (ImageLock lock : locks) {
                    lock.close();
                }
            }
        }
    }

    /**
     * The file of a level gets another name in the image's folder. Durable on return.
     *
     * @throws FileAlreadyExistsException when there is such a file
     * @throws ImageException IN_USE when somebody has a file of the image open, INVALID_REQUEST for an unknown level
     */
    public static void rename(ChainFiles files, String guid, String newName) throws IOException {
        locked(files, replacement -> replacement.rename(guid, newName));
    }

    private void rename(String guid, String newName) throws IOException {
        Image image = descriptor.imageOf(descriptor.requireShot(guid));
        if (image.file().equals(newName)) {
            return;
        }
        if (folder.exists(newName)) {
            throw new FileAlreadyExistsException(folder.name() + "/" + newName);
        }
        ChainLocks.requireOwn(folder, image.file());
        begun(ChainIntent.renamed(image.file(), newName), () -> {
            folder.link(image.file(), folder, newName);
            folder.sync();
            return descriptor.withFile(guid, newName);
        });
    }

    private interface Steps {
        DiskDescriptor take() throws IOException;
    }

    /** What fails leaves the image as it was, and no file that nobody names. */
    private void begun(ChainIntent intent, Steps steps) throws IOException {
        intent.write(folder);
        try {
            ChainSteps.commit(folder, steps.take());
        } catch (IOException | RuntimeException e) {
            try {
                ChainSteps.suspend(folder);
            } catch (IOException again) {
                e.addSuppressed(again);
            }
            throw e;
        }
    }

    /**
     * Another file of the image's folder, which holds the same, becomes that of a level. Durable on return.
     *
     * @param keepName whether the other file gets the name of the present one, which is gone then; otherwise that one stays,
     *     and belongs to nothing
     * @throws ImageException INVALID_REQUEST when the two do not hold the same or the file is one of the image's, NOT_CLOSED
     *     when one of them was not closed, IN_USE when somebody has one open
     */
    public static void replace(ChainFiles files, String guid, String otherFile, boolean keepName) throws IOException {
        locked(files, replacement -> replacement.replace(guid, otherFile, keepName));
    }

    private void replace(String guid, String otherFile, boolean keepName) throws IOException {
        Image image = descriptor.imageOf(descriptor.requireShot(guid));
        Image other = new Image(image.guid(), image.formatId(), otherFile);
        if (descriptor.images().stream().anyMatch(one -> one.file().equals(otherFile))) {
            throw ChainSteps.invalid(folder, otherFile + " is one of the image's files already");
        }
        ChainLocks.requireOwn(folder, otherFile);
        try (ImageLock lock = folder.lock(otherFile, true)) {
            requireSame(image, other);
            // Somebody has just put it there, perhaps; what was read from it may be in memory only.
            try (ImageIo io = folder.open(otherFile, OpenMode.READ_WRITE)) {
                io.flush();
            }
            folder.sync();
            requireSame(image, other);
            if (keepName) {
                folder.rename(otherFile, image.file());
                folder.sync();
            } else {
                descriptor.withFile(image.guid(), otherFile).store(folder);
            }
        }
    }

    private void requireSame(Image image, Image other) throws IOException {
        boolean base = descriptor.requireShot(image.guid()).parentGuid().equals(Guid.NONE);
        AllocationCursor none = AllocationCursor.transientCursor();
        try (Delta present = ChainSteps.open(folder, image, OpenIntent.WRITE, descriptor.geometry(), none);
                Delta wanted = ChainSteps.open(folder, other, OpenIntent.WRITE, descriptor.geometry(), none)) {
            if (!present.geometry().equals(wanted.geometry()) || !version(image).equals(version(other))) {
                throw ChainSteps.invalid(
                        folder,
                        other.file() + " has another size of disk or clusters, or is of another version, than "
                                + image.file());
            }
            new Pair(present, wanted).compare(base);
        }
    }

    private Optional<ExpandedVersion> version(Image image) throws IOException {
        if (!image.formatId().equals(ExpandedFormat.ID)) {
            return Optional.empty();
        }
        try (ImageIo io = folder.open(image.file(), OpenMode.READ_ONLY)) {
            return Optional.of(ExpandedFormat.readHeader(io).version());
        }
    }

    /** What the file of an image becomes. */
    public enum Kind {
        /** The disk byte for byte. */
        RAW,
        /** Expanded, with room for every cluster of the disk. */
        PREALLOCATED
    }

    /**
     * The only file of an image becomes one of another kind; its name stays. For a while there are both. Durable on return.
     *
     * @throws ImageException UNSUPPORTED for an image with snapshots or a raw one, NOT_CLOSED when it was not closed, IN_USE
     *     when somebody has it open
     */
    public static void convert(ChainFiles files, Kind kind, Supplier<UUID> newIds) throws IOException {
        String name = SnapshotOperations.described(files).images().get(0).file();
        locked(files, replacement -> replacement.convert(kind, newIds));
        ChainFiles converted = ChainFiles.in(files.directory());
        rename(converted, SnapshotOperations.described(converted).topGuid(), name);
    }

    private void convert(Kind kind, Supplier<UUID> newIds) throws IOException {
        Image old = descriptor.images().get(0);
        if (descriptor.images().size() > 1 || !old.formatId().equals(ExpandedFormat.ID)) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    folder.name()
                            + (descriptor.images().size() > 1
                                    ? ": has snapshots; merge or delete them first"
                                    : ": is raw already; 'tidemark image convert' makes an image of another format of it"));
        }
        boolean raw = kind == Kind.RAW;
        Image fresh = new Image(
                old.guid(), raw ? RawFormat.ID : ExpandedFormat.ID, ChainSteps.newFileName(descriptor, newIds));
        ChainLocks.requireOwn(folder, old.file());
        try (Delta from = ChainSteps.open(
                folder, old, OpenIntent.WRITE, descriptor.geometry(), AllocationCursor.transientCursor())) {
            begun(new ChainIntent(Optional.empty(), List.of(old.file(), fresh.file())), () -> {
                create(fresh, from.geometry(), raw, version(old).orElse(ExpandedVersion.V2));
                try (Delta to = ChainSteps.open(
                        folder, fresh, OpenIntent.WRITE, from.geometry(), AllocationCursor.transientCursor())) {
                    to.markInUse();
                    new Pair(from, to).copy();
                    to.markClosed();
                }
                return descriptor.withContent(fresh, !raw);
            });
        }
    }

    private void create(Image image, DeltaGeometry geometry, boolean raw, ExpandedVersion version) throws IOException {
        try (ImageIo io = folder.create(image.file())) {
            if (raw) {
                new RawFormat().create(io, geometry);
            } else {
                new ExpandedFormat().create(io, geometry, new ExpandedLayout(version, true));
            }
            io.flush();
        }
        folder.sync();
    }

    /** Two open deltas of the same disk. */
    private static final class Pair {
        private final Delta one;
        private final Delta other;
        private final DeltaGeometry geometry;
        private final AlignedBuffer onePage = AlignedBuffer.allocate(Delta.PAGE_BYTES);
        private final AlignedBuffer otherPage = AlignedBuffer.allocate(Delta.PAGE_BYTES);
        private final AlignedBuffer piece;
        private final AlignedBuffer otherPiece;

        Pair(Delta one, Delta other) {
            this.one = one;
            this.other = other;
            this.geometry = one.geometry();
            this.piece = AlignedBuffer.allocate(Math.min(PIECE_BYTES, geometry.clusterSizeBytes()));
            this.otherPiece = AlignedBuffer.allocate(piece.capacity());
        }

        private interface ClusterWork {
            void at(long cluster, int physical, int otherPhysical) throws IOException;
        }

        private void visit(ClusterWork work) throws IOException {
            long held = -1;
            for (long cluster = 0; cluster < geometry.clusters(); cluster++) {
                long page = (cluster + Delta.PAGE_SHIFT_CLUSTERS) / Delta.PAGE_CLUSTERS;
                if (page != held) {
                    one.readMapPage(page, onePage, 0);
                    other.readMapPage(page, otherPage, 0);
                    held = page;
                }
                int slot = (int) ((cluster + Delta.PAGE_SHIFT_CLUSTERS) % Delta.PAGE_CLUSTERS);
                work.at(cluster, onePage.getInt(slot * 4), otherPage.getInt(slot * 4));
            }
        }

        private interface PieceWork {
            void at(int offset, int length) throws IOException;
        }

        private void pieces(long cluster, PieceWork work) throws IOException {
            long start = cluster * geometry.clusterSizeBytes();
            int bytes = (int) Math.min(geometry.clusterSizeBytes(), geometry.diskSizeBytes() - start);
            for (int at = 0; at < bytes; at += piece.capacity()) {
                work.at(at, Math.min(piece.capacity(), bytes - at));
            }
        }

        private void read(Delta delta, int physical, int offset, AlignedBuffer dst, int length) throws IOException {
            if (physical == Delta.NOT_ALLOCATED) {
                dst.zero(0, length);
            } else {
                delta.read(physical, offset, dst, 0, length);
            }
        }

        /** Into an empty delta with a place for each cluster. Durable when it is closed properly. */
        void copy() throws IOException {
            visit((cluster, from, to) -> pieces(cluster, (offset, length) -> {
                read(one, from, offset, piece, length);
                if (!piece.isZero(0, length)) {
                    other.overwrite(to, offset, piece, 0, length);
                }
            }));
        }

        /** Throws unless a chain shows the same with either. Under another level a cluster that is not there is not zeros. */
        void compare(boolean base) throws IOException {
            visit((cluster, here, there) -> {
                boolean bothOrNone = (here == Delta.NOT_ALLOCATED) == (there == Delta.NOT_ALLOCATED);
                boolean[] same = {base || bothOrNone};
                pieces(cluster, (offset, length) -> {
                    read(one, here, offset, piece, length);
                    read(other, there, offset, otherPiece, length);
                    same[0] &= piece.bytes()
                            .slice(0, length)
                            .equals(otherPiece.bytes().slice(0, length));
                });
                if (!same[0]) {
                    throw new ImageException(
                            ImageException.Kind.INVALID_REQUEST,
                            other.name() + ": does not hold the same as " + one.name() + ", first at cluster "
                                    + cluster);
                }
            });
        }
    }
}
