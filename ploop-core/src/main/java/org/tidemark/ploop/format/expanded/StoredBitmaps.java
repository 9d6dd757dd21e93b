package org.tidemark.ploop.format.expanded;

import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** Reads and stores the bitmaps of changes that other programs keep in an image. */
public final class StoredBitmaps {
    private StoredBitmaps() {}

    /** The bitmaps of an image that was closed by a writer who knew them; empty for any other. */
    public static List<StoredBitmap> read(ImageIo io) throws IOException {
        ExpandedHeader header = ExpandedFormat.readHeader(io);
        return header.extensionTrusted() ? FormatExtension.read(io, header).bitmaps() : List.of();
    }

    /**
     * Stores bitmaps in a closed image in the place of those that it has; other features that have to be carried along
     * stay. Durable on return. The caller holds the lock. Who opens the image for writing drops them; an attached one gets
     * them back when it is detached.
     *
     * <pre>
     *   bits, extension behind the end of the file | sync | header names them, mark "v2.1" | sync
     * </pre>
     *
     * A crash before the second sync leaves the old header, and clusters that belong to nobody, or the new one.
     */
    public static void write(ImageIo io, List<StoredBitmap> bitmaps) throws IOException {
        ExpandedHeader header = ExpandedFormat.readHeader(io);
        if (header.inUse()) {
            throw new ImageException(
                    ImageException.Kind.NOT_CLOSED, io.name() + ": was not closed; its bitmaps would not be believed");
        }
        for (StoredBitmap bitmap : bitmaps) {
            if (bitmap.diskSectors() != header.diskSectors()) {
                throw new ImageException(
                        ImageException.Kind.INVALID_REQUEST,
                        io.name() + ": has " + header.diskSectors() + " sectors, the bitmap " + bitmap.diskSectors());
            }
        }
        TableScan.requireEntries(io, header, header.grid().startedClusters(io.size()));
        List<FormatExtension.Feature> carried = List.of();
        if (header.extensionTrusted()) {
            FormatExtension old = FormatExtension.readWithoutBits(io, header);
            if (old.isForbidding()) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        io.name() + ": uses a necessary feature that is not known here");
            }
            carried = old.transit();
        }
        boolean empty = (header.flags() & ExpandedHeader.FLAG_EMPTY) != 0;
        ExpandedHeader after = bitmaps.isEmpty() && carried.isEmpty()
                ? header.closed(empty)
                : header.closedWithExtension(empty, FormatExtension.append(io, header, bitmaps, carried));
        AlignedBuffer first = AlignedBuffer.allocate(512);
        io.read(0, first, 0, 512);
        after.encode(first, 0);
        io.write(0, first, 0, 512);
        io.flush();
    }
}
