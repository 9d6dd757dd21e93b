package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.util.BitSet;
import java.util.Optional;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Whether the L1 table can lie where the header says it does. A table in a place that holds zeros would pass for that of an
 * empty disk; the reference counts tell otherwise when that place is counted as free.
 */
public final class L1Place {
    private static final int PIECE_BYTES = 65_536;

    private L1Place() {}

    /** Reads two counts. What speaks against the place, for people; empty when nothing does, or when the counts cannot be read. */
    public static Optional<String> fault(ImageIo io, Qcow2Header header) throws IOException {
        try {
            RefcountTable counts = new RefcountTable(io, header);
            // Counts that are written late, or have lost the header itself, prove nothing.
            if ((header.dirty() && header.lazyRefcounts())
                    || counts.get(0) == 0
                    || counts.get(header.l1Offset() >>> header.clusterBits()) > 0) {
                return Optional.empty();
            }
            return Optional.of("the header says that the L1 table lies at " + header.l1Offset()
                    + ", in a cluster that is counted as free");
        } catch (ImageException e) {
            return Optional.empty();
        }
    }

    /**
     * Why the header must not be believed when counts are made anew: then the clusters of a table that lies elsewhere would be
     * free, and be overwritten. Empty when nothing would become free, or the L1 table names something. An empty one beside
     * clusters that nobody names is also what a crash leaves of a fresh disk, or of a repair that cleared wrong entries: but
     * then none of these names another, or the image is marked dirty or corrupt, in version 3; in version 2 nobody can tell.
     */
    public static Optional<String> lossOfRepair(ImageIo io, Qcow2Header header) throws IOException {
        Optional<String> fault = fault(io, header);
        boolean brokenOff = header.version() < 3 || header.dirty() || header.corrupt();
        if (fault.isEmpty() && (brokenOff || !isEmpty(io, header))) {
            return Optional.empty();
        }
        BitSet unnamed;
        try {
            unnamed = unnamedClusters(io, header);
        } catch (ImageException e) {
            // Not even the rest can be read: nobody knows what would become free.
            return fault;
        }
        boolean loss = fault.isPresent() ? !unnamed.isEmpty() : holdsTable(io, header, unnamed);
        return !loss
                ? Optional.empty()
                : Optional.of(fault.orElse("the L1 table that the header names, at " + header.l1Offset() + ", is empty")
                        + ", while " + unnamed.cardinality() + " clusters are counted that nothing names");
    }

    private static boolean isEmpty(ImageIo io, Qcow2Header header) throws IOException {
        AlignedBuffer piece = AlignedBuffer.allocate(PIECE_BYTES);
        long bytes = header.l1Entries() * 8L;
        for (long at = 0; at < bytes; at += PIECE_BYTES) {
            int length = (int) Math.min(PIECE_BYTES, bytes - at);
            io.read(header.l1Offset() + at, piece, 0, length);
            if (!piece.isZero(0, length)) {
                return false;
            }
        }
        return true;
    }

    /** Whether one of these clusters names another of them, as a table does that was lost. */
    private static boolean holdsTable(ImageIo io, Qcow2Header header, BitSet unnamed) throws IOException {
        AlignedBuffer piece = AlignedBuffer.allocate(PIECE_BYTES);
        for (int cluster = unnamed.nextSetBit(0); cluster >= 0; cluster = unnamed.nextSetBit(cluster + 1)) {
            long begin = (long) cluster << header.clusterBits();
            for (int at = 0; at < header.clusterSizeBytes(); at += PIECE_BYTES) {
                int length = Math.min(PIECE_BYTES, header.clusterSizeBytes() - at);
                io.read(begin + at, piece, 0, length);
                for (int word = 0; word < length; word += 8) {
                    long entry = Long.reverseBytes(piece.getLong(word)) & ~L2Entry.COPIED;
                    long named = entry >>> header.clusterBits();
                    if (entry > 0
                            && entry % header.clusterSizeBytes() == 0
                            && named < unnamed.length()
                            && unnamed.get((int) named)) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    private static BitSet unnamedClusters(ImageIo io, Qcow2Header header) throws IOException {
        long clusters = (io.size() + header.clusterSizeBytes() - 1) >>> header.clusterBits();
        BitSet named = new BitSet();
        new ReferenceWalk(io, header, new ReferenceWalk.Visitor() {
                    @Override
                    public void reference(ReferenceWalk.Owner owner, long index, long first, long count) {
                        named.set((int) Math.min(first, clusters), (int) Math.min(first + count, clusters));
                    }

                    @Override
                    public void broken(ReferenceWalk.Owner owner, long index, String what) {
                        // It names nothing.
                    }
                })
                .run();
        BitSet unnamed = new BitSet();
        new RefcountTable(io, header)
                .visit(
                        0,
                        clusters,
                        (cluster, count) -> unnamed.set((int) cluster, count > 0 && !named.get((int) cluster)));
        return unnamed;
    }

    static void require(ImageIo io, Qcow2Header header) throws IOException {
        Optional<String> fault = fault(io, header);
        if (fault.isPresent()) {
            throw new ImageException(ImageException.Kind.DAMAGED, io.name() + ": " + fault.get() + ". Run image check");
        }
    }
}
