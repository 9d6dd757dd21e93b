package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * An internal snapshot: another L1 table in the same file.
 *
 * <pre>
 *   0 u64 L1 offset   8 u32 L1 entries   12 u16 id bytes   14 u16 name bytes   16 u32 seconds   20 u32 nanoseconds
 *  24 u64 guest clock in nanoseconds    32 u32 bytes of machine state   36 u32 bytes of extra data
 *  40 extra data: u64 bytes of machine state, u64 disk bytes, ...; then id, name, padding to 8
 * </pre>
 *
 * @param l1Offset where its L1 table lies
 * @param id unique text, usually a number
 * @param name what people call it
 * @param takenSeconds seconds since 1970
 * @param stateBytes bytes of a saved virtual machine, kept behind the end of the disk
 * @param diskSizeBytes size of the disk when it was taken, or -1 when it is not recorded
 */
public record Snapshot(
        long l1Offset, int l1Entries, String id, String name, long takenSeconds, long stateBytes, long diskSizeBytes) {
    static final int FIXED_BYTES = 40;
    private static final int MAX_EXTRA_BYTES = 1024;
    private static final int MAX_TABLE_BYTES = 16 << 20;

    /** A snapshot and the length of its entry in the table, without padding. */
    record Stored(Snapshot snapshot, int bytes) {}

    /** The snapshots of an image, in the order of its table. */
    public static List<Snapshot> list(ImageIo io, Qcow2Header header) throws IOException {
        return stored(io, header).stream().map(Stored::snapshot).toList();
    }

    /** The snapshot of an id, or else of a name. */
    static Snapshot find(ImageIo io, Qcow2Header header, String idOrName) throws IOException {
        List<Snapshot> all = list(io, header);
        for (Snapshot one : all) {
            if (one.id().equals(idOrName)) {
                return one;
            }
        }
        for (Snapshot one : all) {
            if (one.name().equals(idOrName)) {
                return one;
            }
        }
        throw new ImageException(
                ImageException.Kind.INVALID_REQUEST,
                io.name() + ": has no snapshot '" + idOrName + "'; there are "
                        + all.stream()
                                .map(one -> one.id() + " (" + one.name() + ")")
                                .toList());
    }

    /** Throws DAMAGED unless the L1 table can lie where it is said to, and is large enough for a disk. */
    void requireTable(ImageIo io, Qcow2Header header) throws IOException {
        long end = (io.size() + header.clusterSizeBytes() - 1) & -header.clusterSizeBytes();
        long bytes = Integer.toUnsignedLong(l1Entries) * 8;
        boolean size = header.diskSizeBytes() > 0 && header.diskSizeBytes() % 512 == 0;
        if (!size
                || header.geometry().clusters() > PhysicalCluster.MAX_VIRTUAL_CLUSTERS
                || bytes > Qcow2Header.MAX_L1_BYTES
                || l1Offset <= 0
                || l1Offset % header.clusterSizeBytes() != 0
                || l1Offset > end - bytes
                || Integer.toUnsignedLong(l1Entries) < header.neededL1Entries()) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    io.name() + ": the snapshot '" + name + "' of a disk of " + header.diskSizeBytes()
                            + " bytes has an L1 table of " + bytes + " bytes at " + Long.toUnsignedString(l1Offset));
        }
    }

    static List<Stored> stored(ImageIo io, Qcow2Header header) throws IOException {
        return stored(io, header, header.snapshots());
    }

    /** The first {@code count} of them. */
    static List<Stored> stored(ImageIo io, Qcow2Header header, int count) throws IOException {
        List<Stored> found = new ArrayList<>();
        AlignedBuffer piece = AlignedBuffer.allocate(FIXED_BYTES + MAX_EXTRA_BYTES + 2 * 65_536);
        long at = header.snapshotTableOffset();
        long end = Math.min(io.size(), at + MAX_TABLE_BYTES);
        for (int number = 0; number < count; number++) {
            int length = (int) Math.max(0, Math.min(piece.capacity(), end - at));
            if (length < FIXED_BYTES) {
                throw damaged(io, number, "lies beyond the end of the table");
            }
            io.read(at, piece, 0, FIXED_BYTES);
            ByteBuffer bytes = piece.bytes().duplicate().order(ByteOrder.BIG_ENDIAN);
            int extra = bytes.getInt(36);
            int idBytes = Short.toUnsignedInt(bytes.getShort(12));
            int nameBytes = Short.toUnsignedInt(bytes.getShort(14));
            if (extra < 0 || extra > MAX_EXTRA_BYTES) {
                throw damaged(
                        io, number, "says that it has " + Integer.toUnsignedString(extra) + " bytes of extra data");
            }
            int whole = FIXED_BYTES + extra + idBytes + nameBytes;
            if (whole > length) {
                throw damaged(io, number, "lies beyond the end of the table");
            }
            io.read(at, piece, 0, whole);
            byte[] raw = new byte[whole];
            bytes.get(0, raw);
            found.add(new Stored(decode(ByteBuffer.wrap(raw), extra, idBytes, nameBytes), whole));
            at += (whole + 7) & -8;
        }
        return found;
    }

    private static Snapshot decode(ByteBuffer bytes, int extra, int idBytes, int nameBytes) {
        byte[] raw = bytes.array();
        long state = extra >= 8 ? bytes.getLong(40) : Integer.toUnsignedLong(bytes.getInt(32));
        return new Snapshot(
                bytes.getLong(0),
                bytes.getInt(8),
                new String(raw, FIXED_BYTES + extra, idBytes, StandardCharsets.UTF_8),
                new String(raw, FIXED_BYTES + extra + idBytes, nameBytes, StandardCharsets.UTF_8),
                Integer.toUnsignedLong(bytes.getInt(16)),
                state,
                extra >= 16 ? bytes.getLong(48) : -1);
    }

    private static ImageException damaged(ImageIo io, int number, String what) {
        return new ImageException(
                ImageException.Kind.DAMAGED, io.name() + ": entry " + number + " of the snapshot table " + what);
    }
}
