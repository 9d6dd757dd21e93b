package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.StoredBitmap;
import org.tidemark.ploop.format.expanded.StoredBitmaps;
import org.tidemark.ploop.format.qcow2.Bitmap;
import org.tidemark.ploop.format.qcow2.BitmapContent;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** The bitmaps of changes that lie in the top file of an image, for other programs: listed, added, removed. */
public final class PersistentBitmaps {
    private static final int SECTOR_BYTES = 512;

    private PersistentBitmaps() {}

    /**
     * A bitmap.
     *
     * @param recording whether whoever writes to the disk must record it
     * @param inUse whether it was not stored by whoever changed the disk last: then it says nothing
     * @param dirtyBytes how much of the disk it says has changed; 0 while it says nothing
     */
    public record Found(String name, long granularityBytes, boolean recording, boolean inUse, long dirtyBytes) {}

    /** In the order of the file; none for raw images. */
    public static List<Found> list(ChainFiles files) throws IOException {
        ChainFiles.Link top = files.top();
        List<Found> found = new ArrayList<>();
        try (ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_ONLY)) {
            if (top.formatId().equals(Qcow2Format.ID)) {
                Qcow2Header header = Qcow2Header.read(io);
                for (Bitmap bitmap : Bitmap.list(io, header)) {
                    long[] dirty = {0};
                    if (!bitmap.inUse()) {
                        BitmapContent.ranges(io, header, bitmap, (offset, length) -> dirty[0] += length);
                    }
                    found.add(new Found(
                            bitmap.name(),
                            1L << bitmap.granularityBits(),
                            (bitmap.flags() & Bitmap.AUTO) != 0,
                            bitmap.inUse(),
                            dirty[0]));
                }
            } else if (top.formatId().equals(ExpandedFormat.ID)) {
                for (StoredBitmap bitmap : StoredBitmaps.read(io)) {
                    long granule = (long) bitmap.granularitySectors() * SECTOR_BYTES;
                    found.add(new Found(
                            bitmap.id().toString(),
                            granule,
                            true,
                            false,
                            bitmap.dirty().cardinality() * granule));
                }
            }
        }
        return found;
    }

    /**
     * Adds an empty bitmap to a qcow2 image; durable on return.
     *
     * @param granularityBytes a power of two, 512 bytes to 2 GiB
     * @param recording whether writes are recorded from now on
     * @throws ImageException INVALID_REQUEST when there is one of that name, IN_USE when somebody has the image open
     */
    public static void add(ChainFiles files, String name, long granularityBytes, boolean recording) throws IOException {
        if (Long.bitCount(granularityBytes) != 1) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST, granularityBytes + " bytes are no power of two");
        }
        change(files, io -> {
            if (Bitmap.list(io, Qcow2Header.read(io)).stream()
                    .anyMatch(one -> one.name().equals(name))) {
                throw new ImageException(
                        ImageException.Kind.INVALID_REQUEST, io.name() + ": has a bitmap '" + name + "' already");
            }
            BitmapContent.store(
                    io,
                    name,
                    Long.numberOfTrailingZeros(granularityBytes),
                    recording ? Bitmap.AUTO : 0,
                    granule -> false);
        });
    }

    /** Removes one of a qcow2 image; durable on return. Errors as above, INVALID_REQUEST also when there is none. */
    public static void remove(ChainFiles files, String name) throws IOException {
        change(files, io -> BitmapContent.remove(io, name));
    }

    private interface Work {
        void on(ImageIo io) throws IOException;
    }

    /** The disk stays what it is, and so does what its tracker knows. */
    private static void change(ChainFiles files, Work work) throws IOException {
        if (!OverlaySnapshots.concerns(files)) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    files.name() + ": only qcow2 images have bitmaps with names; those of expanded images belong to the"
                            + " program that stored them");
        }
        ChainFiles.Link top = files.top();
        try (ChainLocks locks = ChainLocks.take(files, true)) {
            OverlayTracker tracker = OverlayTracker.of(
                    top.directory(), OverlayTree.read(top.directory(), top.fileName()), top.fileName());
            try (ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_WRITE)) {
                work.on(io);
            }
            tracker.renew();
        }
    }
}
