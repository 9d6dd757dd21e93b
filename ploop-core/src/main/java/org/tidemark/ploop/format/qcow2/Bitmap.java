package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * A persistent dirty bitmap, as its directory entry describes it.
 *
 * <pre>
 *   0 u64 table offset  8 u32 table entries  12 u32 flags  16 u8 type  17 u8 granularity  18 u16 name bytes
 *  20 u32 extra bytes  24 extra data, name, padding to 8
 * </pre>
 *
 * @param position where the entry lies in the file
 * @param tableEntries clusters of the bitmap, each named by one entry of its table
 * @param flags see the constants
 * @param granularityBits one bit stands for {@code 1 << granularityBits} bytes of the disk
 */
public record Bitmap(
        long position, long tableOffset, int tableEntries, int flags, int type, int granularityBits, String name) {
    /** It was not stored by whoever changed the disk last: it says nothing. */
    public static final int IN_USE = 1;
    /** Whoever writes to the disk must record it. */
    public static final int AUTO = 2;

    static final int FIXED_BYTES = 24;
    static final int AT_FLAGS = 12;
    static final int TYPE_DIRTY = 1;
    private static final int EXTENSION_BYTES = 24;
    private static final int MAX_BITMAPS = 65_535;
    private static final int MAX_NAME_BYTES = 1023;
    private static final int MAX_EXTRA_BYTES = 4096;
    private static final long MAX_DIRECTORY_BYTES = 16L << 20;
    private static final long MAX_TABLE_BYTES = 128L << 20;

    /** Where the directory lies, as the header extension says. */
    record Directory(int bitmaps, long offset, long bytes) {}

    public boolean inUse() {
        return (flags & IN_USE) != 0;
    }

    /** Present when the image has bitmaps and the autoclear bit says that they can be believed. */
    static Optional<Directory> directory(ImageIo io, Qcow2Header header) throws IOException {
        Optional<HeaderExtension> extension = header.extension(Qcow2Header.EXTENSION_BITMAPS);
        if (extension.isEmpty() || (header.autoclear() & Qcow2Header.BITMAPS_VALID) == 0) {
            return Optional.empty();
        }
        byte[] data = extension.get().data();
        if (data.length != EXTENSION_BYTES) {
            throw damaged(io, "the bitmaps extension has " + data.length + " bytes");
        }
        ByteBuffer bytes = ByteBuffer.wrap(data);
        Directory directory = new Directory(bytes.getInt(0), bytes.getLong(16), bytes.getLong(8));
        long end = (io.size() + header.clusterSizeBytes() - 1) & -header.clusterSizeBytes();
        if (directory.bitmaps() <= 0
                || directory.bitmaps() > MAX_BITMAPS
                || directory.bytes() < (long) directory.bitmaps() * FIXED_BYTES
                || directory.bytes() > MAX_DIRECTORY_BYTES
                || directory.offset() <= 0
                || directory.offset() % header.clusterSizeBytes() != 0
                || directory.offset() > end - directory.bytes()) {
            throw damaged(
                    io,
                    "the directory of " + Integer.toUnsignedString(directory.bitmaps())
                            + " bitmaps is said to lie at " + Long.toUnsignedString(directory.offset()) + " with "
                            + Long.toUnsignedString(directory.bytes()) + " bytes");
        }
        return Optional.of(directory);
    }

    /** The bitmaps of an image; none when the image says that they cannot be believed. */
    public static List<Bitmap> list(ImageIo io, Qcow2Header header) throws IOException {
        List<Bitmap> found = new ArrayList<>();
        Optional<Directory> directory = directory(io, header);
        if (directory.isEmpty()) {
            return found;
        }
        AlignedBuffer piece = AlignedBuffer.allocate(FIXED_BYTES + MAX_EXTRA_BYTES + MAX_NAME_BYTES + 8);
        ByteBuffer bytes = piece.bytes().duplicate().order(ByteOrder.BIG_ENDIAN);
        long at = directory.get().offset();
        long end = at + directory.get().bytes();
        for (int number = 0; number < directory.get().bitmaps(); number++) {
            if (end - at < FIXED_BYTES) {
                throw damaged(io, "entry " + number + " of the bitmap directory lies beyond its end");
            }
            io.read(at, piece, 0, FIXED_BYTES);
            int nameBytes = Short.toUnsignedInt(bytes.getShort(18));
            int extra = bytes.getInt(20);
            if (nameBytes == 0
                    || nameBytes > MAX_NAME_BYTES
                    || extra < 0
                    || extra > MAX_EXTRA_BYTES
                    || end - at < FIXED_BYTES + extra + nameBytes) {
                throw damaged(
                        io,
                        "entry " + number + " of the bitmap directory says that it has " + nameBytes
                                + " bytes of name and " + Integer.toUnsignedString(extra) + " of extra data");
            }
            io.read(at, piece, 0, FIXED_BYTES + extra + nameBytes);
            byte[] name = new byte[nameBytes];
            bytes.get(FIXED_BYTES + extra, name);
            Bitmap bitmap = new Bitmap(
                    at,
                    bytes.getLong(0),
                    bytes.getInt(8),
                    bytes.getInt(12),
                    bytes.get(16) & 0xFF,
                    bytes.get(17) & 0xFF,
                    new String(name, StandardCharsets.UTF_8));
            bitmap.requireTable(io, header);
            found.add(bitmap);
            at += (FIXED_BYTES + extra + nameBytes + 7) & -8;
        }
        return found;
    }

    private void requireTable(ImageIo io, Qcow2Header header) throws IOException {
        long end = (io.size() + header.clusterSizeBytes() - 1) & -header.clusterSizeBytes();
        long bytes = Integer.toUnsignedLong(tableEntries) * 8;
        boolean sized = bytes > 0 && bytes <= MAX_TABLE_BYTES;
        boolean placed = tableOffset > 0 && tableOffset % header.clusterSizeBytes() == 0 && tableOffset <= end - bytes;
        boolean grain = granularityBits >= 9 && granularityBits <= 31;
        if (!sized || !placed || !grain || type != TYPE_DIRTY) {
            throw damaged(
                    io,
                    "the bitmap '" + name + "' of type " + type + ", granularity 2^" + granularityBits
                            + ", has a table of " + bytes + " bytes at " + Long.toUnsignedString(tableOffset));
        }
    }

    static ImageException damaged(ImageIo io, String what) {
        return new ImageException(ImageException.Kind.DAMAGED, io.name() + ": " + what);
    }
}
