package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.util.BitSet;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Visits everything in an image that refers to clusters of the file: header, refcount table and blocks, the active L1 table
 * and those of snapshots with their L2 tables and data, snapshot table, bitmaps. A cluster is counted once for each path
 * from an L1 table. Memory is bounded by the size of the file.
 */
public final class ReferenceWalk {
    private static final int PIECE_BYTES = 65_536;

    private final ImageIo io;
    private final Qcow2Header header;
    private final Visitor visitor;
    private final long endBytes;
    private final AlignedBuffer l1Piece = AlignedBuffer.allocate(PIECE_BYTES);
    private final AlignedBuffer l2Piece = AlignedBuffer.allocate(PIECE_BYTES);

    /** What refers. */
    public enum Owner {
        HEADER,
        REFCOUNT_TABLE,
        REFCOUNT_BLOCK,
        L1_TABLE,
        L2_TABLE,
        DATA,
        SNAPSHOT_TABLE,
        SNAPSHOT_L1_TABLE,
        SNAPSHOT_L2_TABLE,
        SNAPSHOT_DATA,
        BITMAP_DIRECTORY,
        BITMAP_TABLE,
        BITMAP_DATA
    }

    /** Receives what is found. */
    public interface Visitor {
        /** Clusters {@code [first, first + count)} of the file are referred to once, by entry {@code index} of the owner. */
        void reference(Owner owner, long index, long first, long count) throws IOException;

        /**
         * An entry of the active L1 or L2 tables that names a cluster and says whether it is the only one.
         *
         * @param index number of the L1 entry, or of the cluster of the disk
         */
        default void copied(Owner owner, long index, long hostCluster, boolean copied) throws IOException {}

        /** An entry that names nothing that it may name. */
        void broken(Owner owner, long index, String what) throws IOException;
    }

    public ReferenceWalk(ImageIo io, Qcow2Header header, Visitor visitor) throws IOException {
        this.io = io;
        this.header = header;
        this.visitor = visitor;
        this.endBytes = (io.size() + header.clusterSizeBytes() - 1) & -header.clusterSizeBytes();
    }

    public void run() throws IOException {
        visitor.reference(Owner.HEADER, 0, 0, 1);
        refcounts();
        table(Owner.L1_TABLE, 0, header.l1Offset(), header.l1Entries() * 8L);
        l1(header.l1Offset(), header.l1Entries(), true);
        snapshots();
        bitmaps();
    }

    private void table(Owner owner, long index, long offset, long bytes) throws IOException {
        long first = offset >>> header.clusterBits();
        visitor.reference(owner, index, first, ((offset + bytes - 1) >>> header.clusterBits()) - first + 1);
    }

    private void refcounts() throws IOException {
        long bytes = (long) header.refcountTableClusters() << header.clusterBits();
        table(Owner.REFCOUNT_TABLE, 0, header.refcountTableOffset(), bytes);
        for (long at = 0; at < bytes; at += PIECE_BYTES) {
            int length = (int) Math.min(PIECE_BYTES, bytes - at);
            io.read(header.refcountTableOffset() + at, l1Piece, 0, length);
            for (int i = 0; i < length; i += 8) {
                long entry = Long.reverseBytes(l1Piece.getLong(i));
                if (entry != 0) {
                    plain(Owner.REFCOUNT_BLOCK, (at + i) / 8, entry, entry);
                }
            }
        }
    }

    /** An entry that names one whole cluster; false when it cannot. */
    private boolean plain(Owner owner, long index, long entry, long offset) throws IOException {
        if (offset <= 0 || offset % header.clusterSizeBytes() != 0 || offset > endBytes - header.clusterSizeBytes()) {
            visitor.broken(
                    owner,
                    index,
                    "is " + Long.toHexString(entry) + ", which names no cluster of the file of "
                            + (endBytes >>> header.clusterBits()) + " clusters");
            return false;
        }
        visitor.reference(owner, index, offset >>> header.clusterBits(), 1);
        return true;
    }

    private void l1(long offset, int entries, boolean active) throws IOException {
        Owner owner = active ? Owner.L2_TABLE : Owner.SNAPSHOT_L2_TABLE;
        BitSet seen = new BitSet();
        for (long at = 0; at < entries * 8L; at += PIECE_BYTES) {
            int length = (int) Math.min(PIECE_BYTES, entries * 8L - at);
            io.read(offset + at, l1Piece, 0, length);
            for (int i = 0; i < length; i += 8) {
                long entry = Long.reverseBytes(l1Piece.getLong(i));
                if (entry != 0) {
                    l1Entry(owner, (at + i) / 8, entry, seen, active);
                }
            }
        }
    }

    private void l1Entry(Owner owner, long index, long entry, BitSet seen, boolean active) throws IOException {
        long table = entry & L2Entry.OFFSET;
        if ((entry & ~(L2Entry.COPIED | L2Entry.OFFSET)) != 0) {
            visitor.broken(owner, index, "is " + Long.toHexString(entry) + ", with reserved bits");
            return;
        }
        if (!plain(owner, index, entry, table)) {
            return;
        }
        long cluster = table >>> header.clusterBits();
        if (cluster < Integer.MAX_VALUE) {
            if (seen.get((int) cluster)) {
                visitor.broken(owner, index, "names the table in cluster " + cluster + ", which another entry names");
                return;
            }
            seen.set((int) cluster);
        }
        if (active) {
            visitor.copied(owner, index, cluster, (entry & L2Entry.COPIED) != 0);
        }
        l2(table, index * header.l2Entries(), active);
    }

    private void l2(long table, long firstCluster, boolean active) throws IOException {
        Owner owner = active ? Owner.DATA : Owner.SNAPSHOT_DATA;
        int entryBytes = header.l2EntryBytes();
        for (int at = 0; at < header.clusterSizeBytes(); at += PIECE_BYTES) {
            int length = Math.min(PIECE_BYTES, header.clusterSizeBytes() - at);
            io.read(table + at, l2Piece, 0, length);
            if (l2Piece.isZero(0, length)) {
                continue;
            }
            for (int i = 0; i < length; i += entryBytes) {
                long entry = Long.reverseBytes(l2Piece.getLong(i));
                long bitmap = entryBytes == 16 ? Long.reverseBytes(l2Piece.getLong(i + 8)) : 0;
                if (entry != 0 || bitmap != 0) {
                    l2Entry(owner, firstCluster + (at + i) / entryBytes, entry, bitmap, active);
                }
            }
        }
    }

    private void l2Entry(Owner owner, long virtualCluster, long entry, long bitmap, boolean active) throws IOException {
        if ((entry & L2Entry.COMPRESSED) != 0) {
            compressed(owner, virtualCluster, entry, bitmap);
            return;
        }
        long offset = L2Entry.offset(entry);
        boolean zeroFlag = (entry & L2Entry.ZERO) != 0;
        boolean overlap = (bitmap & (bitmap >>> 32) & L2Entry.ALL_ALLOCATED) != 0;
        boolean homeless = !L2Entry.isPlaced(entry, header.externalData()) && (bitmap & L2Entry.ALL_ALLOCATED) != 0;
        if (L2Entry.hasReservedBits(entry)
                || overlap
                || homeless
                || (zeroFlag && (header.extendedL2() || header.version() < 3))) {
            visitor.broken(
                    owner,
                    virtualCluster,
                    "is " + Long.toHexString(entry) + (bitmap == 0 ? "" : " with bits " + Long.toHexString(bitmap))
                            + ", which means nothing");
            return;
        }
        if (header.externalData()) {
            if ((offset != 0 || (entry & L2Entry.COPIED) != 0)
                    && offset != virtualCluster * header.clusterSizeBytes()) {
                visitor.broken(owner, virtualCluster, "names another place of the data file than its own: " + offset);
            }
            return;
        }
        if (offset != 0 && plain(owner, virtualCluster, entry, offset) && active) {
            visitor.copied(owner, virtualCluster, offset >>> header.clusterBits(), (entry & L2Entry.COPIED) != 0);
        }
    }

    private void compressed(Owner owner, long virtualCluster, long entry, long bitmap) throws IOException {
        int bits = header.clusterBits();
        long offset = L2Entry.compressedOffset(entry, bits);
        if (bitmap != 0
                || header.externalData()
                || (entry & L2Entry.COPIED) != 0
                || offset < header.clusterSizeBytes()
                || offset >= endBytes) {
            visitor.broken(owner, virtualCluster, "is " + Long.toHexString(entry) + ", which names no compressed data");
            return;
        }
        long last = offset + L2Entry.compressedBytes(entry, bits) - 1;
        visitor.reference(owner, virtualCluster, offset >>> bits, (last >>> bits) - (offset >>> bits) + 1);
    }

    private void snapshots() throws IOException {
        if (header.snapshots() == 0) {
            return;
        }
        long bytes = 0;
        int number = 0;
        for (Snapshot.Stored stored : Snapshot.stored(io, header)) {
            bytes = ((bytes + 7) & -8) + stored.bytes();
            Snapshot snapshot = stored.snapshot();
            long l1Bytes = Integer.toUnsignedLong(snapshot.l1Entries()) * 8;
            if (l1Bytes > Qcow2Header.MAX_L1_BYTES
                    || snapshot.l1Offset() <= 0
                    || snapshot.l1Offset() % header.clusterSizeBytes() != 0
                    || snapshot.l1Offset() > endBytes - l1Bytes) {
                visitor.broken(
                        Owner.SNAPSHOT_L1_TABLE,
                        number,
                        "is said to lie at " + Long.toUnsignedString(snapshot.l1Offset()) + " with " + l1Bytes
                                + " bytes");
            } else if (l1Bytes > 0) {
                table(Owner.SNAPSHOT_L1_TABLE, number, snapshot.l1Offset(), l1Bytes);
                l1(snapshot.l1Offset(), snapshot.l1Entries(), false);
            }
            number++;
        }
        table(Owner.SNAPSHOT_TABLE, 0, header.snapshotTableOffset(), bytes);
    }

    private void bitmaps() throws IOException {
        var directory = Bitmap.directory(io, header);
        if (directory.isEmpty()) {
            return;
        }
        table(
                Owner.BITMAP_DIRECTORY,
                0,
                directory.get().offset(),
                directory.get().bytes());
        int number = 0;
        for (Bitmap bitmap : Bitmap.list(io, header)) {
            table(Owner.BITMAP_TABLE, number, bitmap.tableOffset(), bitmap.tableEntries() * 8L);
            for (long i = 0; i < bitmap.tableEntries(); i++) {
                io.read(bitmap.tableOffset() + i * 8, l1Piece, 0, 8);
                long entry = Long.reverseBytes(l1Piece.getLong(0));
                if (L2Entry.offset(entry) != 0) {
                    plain(Owner.BITMAP_DATA, i, entry, entry);
                } else if (entry != 0 && entry != 1) {
                    visitor.broken(Owner.BITMAP_DATA, i, "is " + Long.toHexString(entry));
                }
            }
            number++;
        }
    }

    /** A visitor's way to refuse an image that is not sound. */
    static ImageException refuse(ImageIo io, Owner owner, long index, String what) {
        return new ImageException(
                ImageException.Kind.DAMAGED,
                io.name() + ": " + describe(owner) + " " + index + " " + what + ". Run image check");
    }

    /** The words for entry {@code index} of an owner. */
    public static String describe(Owner owner) {
        return switch (owner) {
            case HEADER -> "header";
            case REFCOUNT_TABLE -> "refcount table";
            case REFCOUNT_BLOCK -> "refcount table entry";
            case L1_TABLE -> "L1 table";
            case L2_TABLE -> "L1 entry";
            case DATA -> "L2 entry of cluster";
            case SNAPSHOT_TABLE -> "snapshot table";
            case SNAPSHOT_L1_TABLE -> "L1 table of snapshot";
            case SNAPSHOT_L2_TABLE -> "L1 entry of a snapshot";
            case SNAPSHOT_DATA -> "L2 entry of a snapshot's cluster";
            case BITMAP_DIRECTORY -> "bitmap directory";
            case BITMAP_TABLE -> "table of bitmap";
            case BITMAP_DATA -> "bitmap table entry";
        };
    }
}
