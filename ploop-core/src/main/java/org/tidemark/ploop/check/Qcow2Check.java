package org.tidemark.ploop.check;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.tidemark.ploop.format.qcow2.Bitmap;
import org.tidemark.ploop.format.qcow2.L1Place;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.format.qcow2.RefcountTable;
import org.tidemark.ploop.format.qcow2.ReferenceWalk;
import org.tidemark.ploop.format.qcow2.ReferenceWalk.Owner;
import org.tidemark.ploop.format.qcow2.Snapshot;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Checks one qcow2 file: every reference is counted and compared with the counts in the file. Five bytes of memory for each
 * cluster of the file, for {@value #WINDOW_CLUSTERS} of them at a time.
 */
final class Qcow2Check {
    private static final int WINDOW_CLUSTERS = 1 << 24;
    private static final int NOBODY = -1;

    private final ImageIo io;
    private final FindingList findings;
    private final Qcow2Header header;
    private long allocated;
    private long behindDisk;
    private long firstBehindDisk;

    Qcow2Check(ImageIo io, FindingList findings) throws IOException {
        this.io = io;
        this.findings = findings;
        this.header = Qcow2Header.read(io);
    }

    Qcow2Header header() {
        return header;
    }

    /** Returns the number of references to data from the active tables. */
    long run() throws IOException {
        checkMarks();
        try {
            RefcountTable counts = new RefcountTable(io, header);
            long fileClusters = (io.size() + header.clusterSizeBytes() - 1) / header.clusterSizeBytes();
            long clusters = Math.max(fileClusters, counts.end());
            int window = (int) Math.min(clusters, WINDOW_CLUSTERS);
            ByteBuffer references = ByteBuffer.allocateDirect(window * 5);
            for (long from = 0; from < clusters; from += window) {
                checkWindow(counts, references, from, Math.min(clusters, from + window));
            }
            if (behindDisk > 0) {
                findings.add(new Finding.DataBehindDisk(io.name(), firstBehindDisk, behindDisk));
            }
        } catch (ImageException e) {
            // A table, directory or snapshot list that cannot be read at all: what is behind it stays unchecked.
            String message = e.getMessage();
            findings.add(new Finding.UnreadableTable(
                    io.name(), message == null ? e.kind().toString() : message));
        }
        return allocated;
    }

    private void checkMarks() throws IOException {
        if (header.dirty()) {
            findings.add(new Finding.MarkedInUse(io.name(), 1));
        }
        if (header.corrupt()) {
            findings.add(new Finding.MarkedCorrupt(io.name()));
        }
        Optional<String> loss = L1Place.lossOfRepair(io, header);
        Optional<String> fault = loss.isPresent() ? loss : L1Place.fault(io, header);
        if (fault.isPresent()) {
            findings.add(new Finding.MisplacedTable(io.name(), fault.get(), loss.isEmpty()));
        }
        try {
            for (Bitmap bitmap : Bitmap.list(io, header)) {
                if (bitmap.inUse() && !header.dirty()) {
                    findings.add(new Finding.BitmapNotStored(io.name(), bitmap.name()));
                }
            }
            for (Snapshot snapshot : Snapshot.list(io, header)) {
                if (header.version() >= 3 && snapshot.diskSizeBytes() < 0) {
                    findings.add(new Finding.SnapshotTooShort(io.name(), snapshot.name()));
                }
            }
        } catch (ImageException e) {
            // Told by the walk.
        }
    }

    private void checkWindow(RefcountTable counts, ByteBuffer references, long from, long until) throws IOException {
        int window = references.capacity() / 5;
        for (int i = 0; i < window; i++) {
            references.putInt(i * 4, 0);
            references.put(window * 4 + i, (byte) NOBODY);
        }
        new ReferenceWalk(io, header, new Counting(references, from, until)).run();
        long[] leaked = {0, 0};
        counts.visit(from, until, (cluster, counted) -> {
            // Whose cluster it is is not needed any more; whether it is counted once is.
            references.put(window * 4 + (int) (cluster - from), (byte) Math.min(counted, 2));
            long right = Integer.toUnsignedLong(references.getInt((int) (cluster - from) * 4));
            if (counted < right) {
                findings.add(new Finding.RefcountTooLow(io.name(), cluster, counted, right));
            } else if (counted > right && leaked[0]++ == 0) {
                leaked[1] = cluster;
            }
        });
        if (leaked[0] > 0) {
            findings.add(new Finding.LeakedClusters(io.name(), leaked[0], leaked[1]));
        }
        new ReferenceWalk(io, header, new Comparing(references, from, until)).run();
    }

    /** First pass: counts references, and notices tables that overlap. */
    private final class Counting implements ReferenceWalk.Visitor {
        private final ByteBuffer references;
        private final int window;
        private final long from;
        private final long until;

        Counting(ByteBuffer references, long from, long until) {
            this.references = references;
            this.window = references.capacity() / 5;
            this.from = from;
            this.until = until;
        }

        // The number of an owner never leaves this check.
        @SuppressWarnings("EnumOrdinal")
        @Override
        public void reference(Owner owner, long index, long first, long count) {
            if (from == 0 && owner == Owner.DATA) {
                allocated++;
                if (index >= header.geometry().clusters() && behindDisk++ == 0) {
                    firstBehindDisk = index;
                }
            }
            for (long one = Math.max(first, from); one < Math.min(first + count, until); one++) {
                int at = (int) (one - from);
                int before = references.get(window * 4 + at);
                if (before != NOBODY && !mayShare(Owner.values()[before], owner)) {
                    findings.add(new Finding.Overlap(
                            io.name(),
                            one,
                            ReferenceWalk.describe(Owner.values()[before]),
                            ReferenceWalk.describe(owner) + " " + index));
                }
                references.put(window * 4 + at, (byte) owner.ordinal());
                references.putInt(at * 4, references.getInt(at * 4) + 1);
            }
        }

        private static boolean mayShare(Owner one, Owner other) {
            return (isData(one) && isData(other)) || (isL2(one) && isL2(other));
        }

        private static boolean isData(Owner owner) {
            return owner == Owner.DATA || owner == Owner.SNAPSHOT_DATA;
        }

        private static boolean isL2(Owner owner) {
            return owner == Owner.L2_TABLE || owner == Owner.SNAPSHOT_L2_TABLE;
        }

        @Override
        public void broken(Owner owner, long index, String what) {
            if (from == 0) {
                findings.add(new Finding.BrokenEntry(io.name(), ReferenceWalk.describe(owner), index, what));
            }
        }
    }

    /** Second pass: whether entries that call a cluster their own are right. */
    private final class Comparing implements ReferenceWalk.Visitor {
        private final ByteBuffer references;
        private final long from;
        private final long until;

        Comparing(ByteBuffer references, long from, long until) {
            this.references = references;
            this.from = from;
            this.until = until;
        }

        @Override
        public void reference(Owner owner, long index, long first, long count) {
            // Counted before.
        }

        @Override
        public void copied(Owner owner, long index, long hostCluster, boolean copied) {
            if (hostCluster < from || hostCluster >= until) {
                return;
            }
            int at = (int) (hostCluster - from);
            boolean alone = references.getInt(at * 4) == 1;
            boolean countedOnce = references.get(references.capacity() / 5 * 4 + at) == 1;
            if (alone != copied || countedOnce != copied) {
                findings.add(new Finding.CopiedMismatch(
                        io.name(), ReferenceWalk.describe(owner), index, hostCluster, copied, !alone));
            }
        }

        @Override
        public void broken(Owner owner, long index, String what) {
            // Told by the first pass.
        }
    }
}
