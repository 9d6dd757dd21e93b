package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.Interval;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.StoredBitmap;
import org.tidemark.ploop.format.expanded.StoredBitmaps;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * The bitmaps in the format extension of an expanded image. While it is open for writing there is no extension; what the
 * bitmaps said lies in the state area.
 *
 * <pre>
 *   open:   bits into the state area | mark of use, and no extension, durable | tracker: a checkpoint for each | serve
 *   close:  disk flushed | bits of before, and what the tracker knows, with the extension behind the end of the file | sync |
 *           header names it, mark cleared | sync | checkpoints forgotten, state area cleared
 * </pre>
 *
 * <p>A successor of a killed process goes on with what is in the state area; when its predecessor had closed the image
 * already, what is in the file counts. After a power loss, without a tracker or after another program wrote to the image,
 * there is no extension, or one that nobody believes.
 *
 * <p>They belong to the disk: whichever delta is the top when the image is closed gets them. A disk that grew has clean parts
 * behind its old end.
 */
final class ExtensionBitmaps implements KeptBitmaps {
    private static final System.Logger LOG = System.getLogger(ExtensionBitmaps.class.getName());
    private static final int SECTOR_BYTES = 512;

    private final StateArea area;
    private Optional<List<String>> noted = Optional.empty();

    ExtensionBitmaps(StateArea area) {
        this.area = area;
    }

    @Override
    public void note(ChainFiles files, boolean successor) throws IOException {
        Optional<List<StoredBitmap>> inFile = inFile(files.top());
        // Closed without any, by one that was killed before it marked the image in use again: what was saved still
        // counts.
        if (successor && inFile.map(List::isEmpty).orElse(true)) {
            noted = Optional.empty();
            return;
        }
        noted = Optional.of(SavedBitmaps.save(area, inFile.orElse(List.of())).stream()
                .map(one -> one.id().toString())
                .toList());
    }

    /** Empty when the image was not closed, or is of another format. */
    private static Optional<List<StoredBitmap>> inFile(ChainFiles.Link top) throws IOException {
        if (!top.formatId().equals(ExpandedFormat.ID)) {
            return Optional.empty();
        }
        try (ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_ONLY)) {
            return ExpandedFormat.readHeader(io).inUse() ? Optional.empty() : Optional.of(StoredBitmaps.read(io));
        }
    }

    @Override
    public void begin(ChangedBlockTracker tracker) throws IOException {
        if (noted.isPresent()) {
            BitmapConsumers.begin(tracker, noted.get());
        }
    }

    @Override
    public void beforeClose(Delta top, ChangedBlockTracker tracker) {
        List<StoredBitmap> current = new ArrayList<>();
        try {
            for (StoredBitmap before : SavedBitmaps.load(area)) {
                Optional<Interval> changes =
                        BitmapConsumers.changes(tracker, before.id().toString());
                Optional<StoredBitmap> larger =
                        before.ofLargerDisk(top.geometry().diskSizeBytes() / SECTOR_BYTES);
                if (changes.isPresent() && larger.isPresent()) {
                    current.add(with(larger.get(), changes.get()));
                }
            }
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, top.name() + ": its bitmaps of changes are lost", e);
            return;
        }
        ExpandedFormat.storeWhenClosed(top, current);
    }

    private static StoredBitmap with(StoredBitmap before, Interval changes) {
        BitSet dirty = (BitSet) before.dirty().clone();
        long granule = (long) before.granularitySectors() * SECTOR_BYTES;
        changes.visit(
                0,
                before.diskSectors() * SECTOR_BYTES,
                (offset, length) -> dirty.set((int) (offset / granule), (int) ((offset + length - 1) / granule) + 1));
        return new StoredBitmap(before.id(), before.diskSectors(), before.granularitySectors(), dirty);
    }

    @Override
    public void afterClose(ChainFiles files, ChangedBlockTracker tracker, AllocationCursor cursor) throws IOException {
        BitmapConsumers.forgetAll(tracker);
        SavedBitmaps.forget(area);
    }

    /** The new, empty top of a disk that stays what it is takes over the bitmaps of the old one. Durable on return. */
    static void copy(ChainFiles.Link from, ImageDirectory folder, String to) throws IOException {
        List<StoredBitmap> bitmaps = inFile(from).orElse(List.of());
        if (!bitmaps.isEmpty()) {
            try (ImageIo io = folder.open(to, OpenMode.READ_WRITE)) {
                StoredBitmaps.write(io, bitmaps);
            }
        }
    }

    /** {@code lower}, which is open for writing, becomes the top of the disk whose top was {@code upper}. */
    static void moveDown(Delta upper, Delta lower) throws IOException {
        if (upper.format().equals(ExpandedFormat.ID)) {
            ExpandedFormat.storeWhenClosed(lower, StoredBitmaps.read(upper.io()));
        }
    }

    /** Puts the bitmaps of a closed file back whose disk was made larger. */
    static void restoreInLarger(ImageIo io, List<StoredBitmap> before) throws IOException {
        if (before.isEmpty()) {
            return;
        }
        long sectors = ExpandedFormat.readHeader(io).diskSectors();
        List<StoredBitmap> larger = before.stream()
                .flatMap(one -> one.ofLargerDisk(sectors).stream())
                .toList();
        try {
            StoredBitmaps.write(io, larger);
        } catch (ImageException e) {
            if (e.kind() != ImageException.Kind.UNSUPPORTED) {
                throw e;
            }
            LOG.log(System.Logger.Level.WARNING, "a larger disk has no room for its bitmaps of changes", e);
        }
    }
}
