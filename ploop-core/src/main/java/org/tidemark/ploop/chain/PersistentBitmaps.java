package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.UUID;
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
     * Adds an empty bitmap; durable on return.
     *
     * @param name of an image in the expanded format a UUID, which is all that it has room for
     * @param granularityBytes a power of two, 512 bytes to 2 GiB
     * @param recording whether writes are recorded from now on; those of an expanded image always are
     * @throws ImageException INVALID_REQUEST when there is one of that name, or it is none for the format; IN_USE when somebody
     *     has the image open; NOT_CLOSED
     */
    public static void add(ChainFiles files, String name, long granularityBytes, boolean recording) throws IOException {
        if (Long.bitCount(granularityBytes) != 1 || granularityBytes < SECTOR_BYTES || granularityBytes > 2L << 30) {
            throw invalid(granularityBytes + " bytes are no power of two from 512 to 2 GiB");
        }
        if (isExpanded(files)) {
            if (!recording) {
                throw invalid(files.name() + ": a bitmap of an expanded image always records");
            }
            UUID id = idOf(files, name);
            change(files, io -> addToExtension(io, id, (int) (granularityBytes / SECTOR_BYTES)));
            return;
        }
        change(files, io -> {
            if (Bitmap.list(io, Qcow2Header.read(io)).stream()
                    .anyMatch(one -> one.name().equals(name))) {
                throw invalid(io.name() + ": has a bitmap '" + name + "' already");
            }
            BitmapContent.store(
                    io,
                    name,
                    Long.numberOfTrailingZeros(granularityBytes),
                    recording ? Bitmap.AUTO : 0,
                    granule -> false);
        });
    }

    /** Removes one; durable on return. Errors as above, INVALID_REQUEST also when there is none. */
    public static void remove(ChainFiles files, String name) throws IOException {
        if (isExpanded(files)) {
            UUID id = idOf(files, name);
            change(files, io -> removeFromExtension(io, id));
        } else {
            change(files, io -> BitmapContent.remove(io, name));
        }
    }

    private static boolean isExpanded(ChainFiles files) {
        return files.top().formatId().equals(ExpandedFormat.ID);
    }

    private static UUID idOf(ChainFiles files, String name) throws ImageException {
        try {
            UUID id = UUID.fromString(name);
            if (id.toString().equalsIgnoreCase(name)) {
                return id;
            }
        } catch (IllegalArgumentException e) {
            // Told below.
        }
        throw invalid(files.name() + ": bitmaps of expanded images have UUIDs for names, '" + name
                + "' is none; 'uuidgen' makes one");
    }

    private static void addToExtension(ImageIo io, UUID id, int granularitySectors) throws IOException {
        long sectors = ExpandedFormat.readHeader(io).diskSectors();
        List<StoredBitmap> bitmaps = new ArrayList<>(StoredBitmaps.read(io));
        if (bitmaps.stream().anyMatch(one -> one.id().equals(id))) {
            throw invalid(io.name() + ": has a bitmap '" + id + "' already");
        }
        if (!StoredBitmap.isPossible(sectors, granularitySectors)) {
            throw invalid(io.name() + ": a disk of " + sectors + " sectors has too many parts of " + granularitySectors
                    + " sectors for a bitmap; take larger parts");
        }
        bitmaps.add(new StoredBitmap(id, sectors, granularitySectors, new BitSet()));
        StoredBitmaps.write(io, bitmaps);
    }

    private static void removeFromExtension(ImageIo io, UUID id) throws IOException {
        List<StoredBitmap> bitmaps = new ArrayList<>(StoredBitmaps.read(io));
        if (!bitmaps.removeIf(one -> one.id().equals(id))) {
            throw invalid(io.name() + ": has no bitmap '" + id + "'");
        }
        StoredBitmaps.write(io, bitmaps);
    }

    private static ImageException invalid(String what) {
        return new ImageException(ImageException.Kind.INVALID_REQUEST, what);
    }

    private interface Work {
        void on(ImageIo io) throws IOException;
    }

    /** The disk stays what it is, and so does what its tracker knows. */
    private static void change(ChainFiles files, Work work) throws IOException {
        if (!isExpanded(files) && !OverlaySnapshots.concerns(files)) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED, files.name() + ": only qcow2 and expanded images have bitmaps");
        }
        ChainFiles.Link top = files.top();
        try (ChainLocks locks = ChainLocks.take(files, true)) {
            TrackerBinding tracker = TrackerBinding.of(files);
            try (ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_WRITE)) {
                work.on(io);
            }
            tracker.renew();
        }
    }
}
