package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;

/**
 * Sets COPIED in those entries of the active tables that are the only ones to name their cluster, and clears it in all
 * others. All entries are sound.
 */
final class OwnershipRepair {
    private static final long WINDOW_CLUSTERS = 1L << 24;

    private final ImageIo io;
    private final Qcow2Header header;
    private final AlignedBuffer table;
    private final AlignedBuffer word = AlignedBuffer.allocate(8);
    private long changed;

    OwnershipRepair(ImageIo io, Qcow2Header header) {
        this.io = io;
        this.header = header;
        this.table = AlignedBuffer.allocate(header.clusterSizeBytes());
    }

    /** Durable on return. Returns how many entries were wrong. */
    long run() throws IOException {
        long clusters = (io.size() + header.clusterSizeBytes() - 1) >>> header.clusterBits();
        int window = (int) Math.min(clusters, WINDOW_CLUSTERS);
        ByteBuffer counted = ByteBuffer.allocateDirect(window * 4);
        for (long from = 0; from < clusters; from += window) {
            count(counted, from, Math.min(clusters, from + window));
            correct(counted, from, Math.min(clusters, from + window));
        }
        io.flush();
        return changed;
    }

    private void count(ByteBuffer counted, long from, long until) throws IOException {
        for (int i = 0; i < counted.capacity(); i += 4) {
            counted.putInt(i, 0);
        }
        new ReferenceWalk(io, header, new ReferenceWalk.Visitor() {
                    @Override
                    public void reference(ReferenceWalk.Owner owner, long index, long first, long count) {
                        boolean moves = owner == ReferenceWalk.Owner.REFCOUNT_TABLE
                                || owner == ReferenceWalk.Owner.REFCOUNT_BLOCK;
                        for (long one = Math.max(first, from); !moves && one < Math.min(first + count, until); one++) {
                            int at = (int) (one - from) * 4;
                            counted.putInt(at, counted.getInt(at) + 1);
                        }
                    }

                    @Override
                    public void broken(ReferenceWalk.Owner owner, long index, String what) {
                        // Refcounts and bitmaps are mended later.
                    }
                })
                .run();
    }

    private void correct(ByteBuffer counted, long from, long until) throws IOException {
        for (int i = 0; i < header.l1Entries(); i++) {
            io.read(header.l1Offset() + i * 8L, word, 0, 8);
            long entry = Long.reverseBytes(word.getLong(0));
            if (entry == 0) {
                continue;
            }
            long right = right(entry, counted, from, until);
            if (right != entry) {
                word.putLong(0, Long.reverseBytes(right));
                io.write(header.l1Offset() + i * 8L, word, 0, 8);
                changed++;
            }
            if (!header.externalData()) {
                correctTable(entry & L2Entry.OFFSET, counted, from, until);
            }
        }
    }

    private void correctTable(long offset, ByteBuffer counted, long from, long until) throws IOException {
        io.read(offset, table, 0, header.clusterSizeBytes());
        boolean any = false;
        for (int at = 0; at < header.clusterSizeBytes(); at += header.l2EntryBytes()) {
            long entry = Long.reverseBytes(table.getLong(at));
            if ((entry & L2Entry.COMPRESSED) != 0 || L2Entry.offset(entry) == 0) {
                continue;
            }
            long right = right(entry, counted, from, until);
            if (right != entry) {
                table.putLong(at, Long.reverseBytes(right));
                any = true;
                changed++;
            }
        }
        if (any) {
            io.write(offset, table, 0, header.clusterSizeBytes());
        }
    }

    private long right(long entry, ByteBuffer counted, long from, long until) {
        long cluster = (entry & L2Entry.OFFSET) >>> header.clusterBits();
        if (cluster < from || cluster >= until) {
            return entry;
        }
        boolean alone = counted.getInt((int) (cluster - from) * 4) == 1;
        return alone ? entry | L2Entry.COPIED : entry & ~L2Entry.COPIED;
    }
}
