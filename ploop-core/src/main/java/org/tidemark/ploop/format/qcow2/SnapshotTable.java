package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** The entries of a snapshot table as bytes, so that one can be taken out and the others stay what they are. */
final class SnapshotTable {
    /** Bytes of extra data that version 3 asks for: size of the machine's state, size of the disk. */
    private static final int EXTRA_BYTES = 16;

    private final ImageIo io;
    private final Qcow2Header header;
    private final List<Snapshot> snapshots = new ArrayList<>();
    private final List<byte[]> entries = new ArrayList<>();
    private int dropped;
    private int widened;

    private SnapshotTable(ImageIo io, Qcow2Header header) {
        this.io = io;
        this.header = header;
    }

    /** All entries. Throws DAMAGED when one cannot be read. */
    static SnapshotTable read(ImageIo io, Qcow2Header header) throws IOException {
        SnapshotTable table = new SnapshotTable(io, header);
        long at = header.snapshotTableOffset();
        for (Snapshot.Stored stored : Snapshot.stored(io, header)) {
            table.add(stored.snapshot(), at, stored.bytes());
            at += (stored.bytes() + 7) & -8;
        }
        return table;
    }

    /** What can be read, for a repair: entries with an L1 table that can lie where they say. */
    static SnapshotTable readable(ImageIo io, Qcow2Header header) throws IOException {
        SnapshotTable table = new SnapshotTable(io, header);
        int readable = header.snapshots();
        List<Snapshot.Stored> found = List.of();
        while (readable > 0) {
            try {
                found = Snapshot.stored(io, header, readable);
                break;
            } catch (ImageException e) {
                readable--;
            }
        }
        table.dropped = header.snapshots() - readable;
        long at = header.snapshotTableOffset();
        for (Snapshot.Stored stored : found) {
            if (l1Fits(io, header, stored.snapshot())) {
                table.add(stored.snapshot(), at, stored.bytes());
                table.widen(table.entries.size() - 1);
            } else {
                table.dropped++;
            }
            at += (stored.bytes() + 7) & -8;
        }
        return table;
    }

    private static boolean l1Fits(ImageIo io, Qcow2Header header, Snapshot snapshot) throws IOException {
        long end = (io.size() + header.clusterSizeBytes() - 1) & -header.clusterSizeBytes();
        long bytes = Integer.toUnsignedLong(snapshot.l1Entries()) * 8;
        return bytes <= Qcow2Header.MAX_L1_BYTES
                && snapshot.l1Offset() > 0
                && snapshot.l1Offset() % header.clusterSizeBytes() == 0
                && snapshot.l1Offset() <= end - bytes;
    }

    private void add(Snapshot snapshot, long position, int bytes) throws IOException {
        AlignedBuffer piece = AlignedBuffer.allocate(bytes);
        io.read(position, piece, 0, bytes);
        byte[] raw = new byte[bytes];
        piece.bytes().get(0, raw);
        snapshots.add(snapshot);
        entries.add(raw);
    }

    private void widen(int number) {
        byte[] raw = entries.get(number);
        int extra = ByteBuffer.wrap(raw).getInt(36);
        if (header.version() < 3 || extra >= EXTRA_BYTES) {
            return;
        }
        Snapshot snapshot = snapshots.get(number);
        ByteBuffer wide = ByteBuffer.allocate(raw.length + EXTRA_BYTES - extra);
        wide.put(raw, 0, Snapshot.FIXED_BYTES);
        wide.putInt(36, EXTRA_BYTES);
        wide.putLong(snapshot.stateBytes());
        wide.putLong(snapshot.diskSizeBytes() < 0 ? header.diskSizeBytes() : snapshot.diskSizeBytes());
        wide.put(raw, Snapshot.FIXED_BYTES + extra, raw.length - Snapshot.FIXED_BYTES - extra);
        entries.set(number, wide.array());
        widened++;
    }

    int dropped() {
        return dropped;
    }

    int widened() {
        return widened;
    }

    boolean sound() {
        return dropped == 0 && widened == 0;
    }

    List<Snapshot> snapshots() {
        return List.copyOf(snapshots);
    }

    void remove(Snapshot snapshot) {
        int number = snapshots.indexOf(snapshot);
        snapshots.remove(number);
        entries.remove(number);
    }

    /** Bytes of the whole table. */
    long bytes() {
        long total = 0;
        for (byte[] entry : entries) {
            total = ((total + 7) & -8) + entry.length;
        }
        return total;
    }

    /** Writes the table into new clusters, durably, then the header names it; durable on return. */
    void write(FreshClusters fresh) throws IOException {
        writeAt(entries.isEmpty() ? 0 : fresh.take((bytes() + header.clusterSizeBytes() - 1) >>> header.clusterBits()));
    }

    /** The same into clusters that the caller reserved; 0 for an empty table. */
    void writeAt(long position) throws IOException {
        long at = position;
        for (byte[] entry : entries) {
            AlignedBuffer padded = AlignedBuffer.allocate((entry.length + 7) & -8);
            padded.bytes().put(0, entry);
            io.write(at, padded, 0, padded.capacity());
            at += padded.capacity();
        }
        io.flush();
        // 12 bytes of the first sector: they change as one.
        AlignedBuffer fields = AlignedBuffer.allocate(12);
        fields.putInt(0, Integer.reverseBytes(entries.size()));
        fields.putLong(4, Long.reverseBytes(position));
        io.write(Qcow2Header.AT_SNAPSHOTS, fields, 0, 12);
        io.flush();
    }
}
