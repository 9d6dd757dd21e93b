package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Mends the entries of all L1 and L2 tables, in two sweeps. The first clears what names nothing and changes no place, before
 * the file grows: what is behind its end now must not become valid by that. The second copies: an L2 table that lies in the
 * place of something else or has two L1 entries, data in the place of a table, a cluster that two places of one disk name.
 *
 * <p>A table that shares its cluster is never changed in place, only its copy is.
 */
final class EntryRepair {
    private final ImageIo io;
    private final Qcow2Header header;
    private final FreshClusters fresh;
    private final long endBytes;
    private final AlignedBuffer table;
    private final AlignedBuffer word = AlignedBuffer.allocate(8);
    private BitSet places = new BitSet();
    private BitSet data = new BitSet();
    private final BitSet tablesOfTree = new BitSet();
    private final BitSet dataOfTree = new BitSet();
    private final BitSet done = new BitSet();
    private long cleared;
    private long corrected;
    private long copied;

    /** An L1 table. */
    private record Tree(long l1Offset, int l1Entries) {}

    EntryRepair(ImageIo io, Qcow2Header header, FreshClusters fresh) {
        this.io = io;
        this.header = header;
        this.fresh = fresh;
        this.endBytes = fresh.startBytes();
        this.table = AlignedBuffer.allocate(header.clusterSizeBytes());
    }

    long cleared() {
        return cleared;
    }

    long corrected() {
        return corrected;
    }

    long copied() {
        return copied;
    }

    /** Durable on return. */
    void run() throws IOException {
        List<Tree> trees = new ArrayList<>();
        trees.add(new Tree(header.l1Offset(), header.l1Entries()));
        if (header.snapshots() > 0) {
            for (Snapshot snapshot : Snapshot.list(io, header)) {
                trees.add(new Tree(snapshot.l1Offset(), snapshot.l1Entries()));
            }
        }
        places = TablePlaces.of(io, header);
        for (boolean copies : new boolean[] {false, true}) {
            data = new BitSet();
            done.clear();
            for (Tree tree : trees) {
                noteData(tree);
            }
            for (Tree tree : trees) {
                tablesOfTree.clear();
                dataOfTree.clear();
                for (int i = 0; i < tree.l1Entries(); i++) {
                    repairL1Entry(tree, i, copies);
                }
            }
            io.flush();
        }
    }

    private long l1Entry(Tree tree, int index) throws IOException {
        io.read(tree.l1Offset() + index * 8L, word, 0, 8);
        return Long.reverseBytes(word.getLong(0));
    }

    /** Whether a whole cluster begins there, in the file as it was before the repair. */
    private boolean inFile(long offset) {
        return isBefore(offset, endBytes);
    }

    private boolean isBefore(long offset, long end) {
        return offset > 0 && offset % header.clusterSizeBytes() == 0 && offset <= end - header.clusterSizeBytes();
    }

    private int cluster(long offset) {
        return (int) (offset >>> header.clusterBits());
    }

    /** All clusters that entries name as data, whether they may or not. */
    private void noteData(Tree tree) throws IOException {
        if (header.externalData()) {
            return;
        }
        for (int i = 0; i < tree.l1Entries(); i++) {
            long offset = l1Entry(tree, i) & L2Entry.OFFSET;
            if (!inFile(offset)) {
                continue;
            }
            noteData(offset, data);
        }
    }

    /** Compressed data counts as well: a plain cluster in the middle of it is copied. */
    private void noteData(long tableOffset, BitSet named) throws IOException {
        io.read(tableOffset, table, 0, header.clusterSizeBytes());
        for (int at = 0; at < header.clusterSizeBytes(); at += header.l2EntryBytes()) {
            long entry = Long.reverseBytes(table.getLong(at));
            if ((entry & L2Entry.COMPRESSED) != 0) {
                long from = L2Entry.compressedOffset(entry, header.clusterBits());
                if (from < endBytes) {
                    named.set(cluster(from), cluster(compressedLast(entry)) + 1);
                }
            } else if (isBefore(L2Entry.offset(entry), fresh.endBytes())) {
                named.set(cluster(L2Entry.offset(entry)));
            }
        }
    }

    private long compressedLast(long entry) {
        int bits = header.clusterBits();
        return L2Entry.compressedOffset(entry, bits) + L2Entry.compressedBytes(entry, bits) - 1;
    }

    private void repairL1Entry(Tree tree, int index, boolean copies) throws IOException {
        long entry = l1Entry(tree, index);
        if (entry == 0) {
            return;
        }
        long offset = entry & L2Entry.OFFSET;
        if (!inFile(offset)) {
            putL1Entry(tree, index, 0);
            cleared++;
            return;
        }
        int cluster = cluster(offset);
        boolean shares = places.get(cluster) || data.get(cluster) || tablesOfTree.get(cluster);
        if (shares && !copies) {
            return;
        }
        if (!shares && done.get(cluster)) {
            noteData(offset, dataOfTree);
            tablesOfTree.set(cluster);
            return;
        }
        io.read(offset, table, 0, header.clusterSizeBytes());
        boolean changed = repairTable((long) index * header.l2Entries(), copies);
        long right = entry & (L2Entry.COPIED | L2Entry.OFFSET);
        if (shares) {
            io.flush();
            long to = fresh.take(1);
            io.write(to, table, 0, header.clusterSizeBytes());
            io.flush();
            right = to;
            copied++;
        } else if (changed) {
            io.flush();
            io.write(offset, table, 0, header.clusterSizeBytes());
        }
        tablesOfTree.set(cluster(right & L2Entry.OFFSET));
        done.set(cluster(right & L2Entry.OFFSET));
        if (right != entry) {
            putL1Entry(tree, index, right);
            if (!shares) {
                corrected++;
            }
        }
    }

    private void putL1Entry(Tree tree, int index, long entry) throws IOException {
        word.putLong(0, Long.reverseBytes(entry));
        io.write(tree.l1Offset() + index * 8L, word, 0, 8);
    }

    /** Mends the table in memory; copies it makes are not durable yet. */
    private boolean repairTable(long firstVirtual, boolean copies) throws IOException {
        boolean changed = false;
        int entryBytes = header.l2EntryBytes();
        for (int at = 0; at < header.clusterSizeBytes(); at += entryBytes) {
            long entry = Long.reverseBytes(table.getLong(at));
            long bitmap = entryBytes == 16 ? Long.reverseBytes(table.getLong(at + 8)) : 0;
            if (entry == 0 && bitmap == 0) {
                continue;
            }
            long virtual = firstVirtual + at / entryBytes;
            long rightEntry;
            long rightBitmap = bitmap;
            if ((entry & L2Entry.COMPRESSED) != 0) {
                rightBitmap = 0;
                rightEntry = compressed(virtual, entry, copies);
                if (entryBytes == 16 && rightEntry != 0 && (rightEntry & L2Entry.COMPRESSED) == 0) {
                    rightBitmap = L2Entry.ALL_ALLOCATED;
                }
            } else {
                rightBitmap = rightBitmap(entry, bitmap);
                rightEntry = plain(virtual, entry, copies);
                if (!L2Entry.isPlaced(rightEntry, header.externalData())) {
                    rightBitmap &= L2Entry.ALL_ZERO;
                }
            }
            if (rightEntry != entry || rightBitmap != bitmap) {
                note(entry, rightEntry);
                table.putLong(at, Long.reverseBytes(rightEntry));
                if (entryBytes == 16) {
                    table.putLong(at + 8, Long.reverseBytes(rightBitmap));
                }
                changed = true;
            }
        }
        return changed;
    }

    private void note(long was, long is) {
        if (is == 0) {
            cleared++;
        } else if (L2Entry.offset(was) == L2Entry.offset(is) || L2Entry.offset(is) == 0 || header.externalData()) {
            corrected++;
        } else {
            copied++;
        }
    }

    /** A subcluster that is called allocated and zero at once is zero. */
    private long rightBitmap(long entry, long bitmap) {
        long both = bitmap & (bitmap >>> 32) & L2Entry.ALL_ALLOCATED;
        return bitmap & ~both;
    }

    private long plain(long virtual, long entry, boolean copies) throws IOException {
        boolean zeroFlag = header.version() >= 3 && !header.extendedL2();
        long flags = entry & (L2Entry.COPIED | (zeroFlag ? L2Entry.ZERO : 0));
        long offset = L2Entry.offset(entry);
        if (header.externalData()) {
            boolean placed = offset != 0 || (entry & L2Entry.COPIED) != 0;
            return placed ? virtual * header.clusterSizeBytes() | flags | L2Entry.COPIED : flags;
        }
        if (offset == 0) {
            return flags;
        }
        if (!inFile(offset)) {
            return flags & L2Entry.ZERO;
        }
        int cluster = cluster(offset);
        if (copies && (places.get(cluster) || dataOfTree.get(cluster))) {
            long to = fresh.copy(offset, 1);
            dataOfTree.set(cluster(to));
            return to | flags & ~L2Entry.COPIED;
        }
        dataOfTree.set(cluster);
        return offset | flags;
    }

    private long compressed(long virtual, long entry, boolean copies) throws IOException {
        int bits = header.clusterBits();
        long right = entry & ~L2Entry.COPIED;
        long offset = L2Entry.compressedOffset(right, bits);
        if (header.externalData() || offset < header.clusterSizeBytes() || offset >= endBytes) {
            return 0;
        }
        dataOfTree.set(cluster(offset), cluster(compressedLast(right)) + 1);
        int next = places.nextSetBit(cluster(offset));
        if (!copies || next < 0 || next > cluster(compressedLast(right))) {
            return right;
        }
        try (Decompressor decompressor = new Decompressor(header)) {
            AlignedBuffer whole = decompressor.cluster(io, virtual, right, 0);
            long to = fresh.take(1);
            io.write(to, whole, 0, header.clusterSizeBytes());
            return to;
        } catch (ImageException e) {
            // What lies there is the table, no compressed data.
            return 0;
        }
    }
}
