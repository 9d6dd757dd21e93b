package org.tidemark.ploop.format.qcow2;

import java.io.Closeable;
import java.io.IOException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.locks.StampedLock;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.LowerDisk;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** Reads map pages, and clusters that are looked up in the tables for each read. Safe for use by several threads. */
final class ClusterReader implements Closeable {
    private static final int WORKSPACES = 4;

    private final ImageIo io;
    private final ImageIo data;
    private final Qcow2Header header;
    private final L1Table l1;
    private final FileEnd end;
    private final boolean writable;
    private final int clusterBytes;
    private final ArrayBlockingQueue<Workspace> workspaces = new ArrayBlockingQueue<>(WORKSPACES);

    /** Held for reading from the look-up to the end of the read; for writing by who lets go of clusters. */
    private final StampedLock held = new StampedLock();

    private volatile long generation;
    private volatile @Nullable LowerDisk lower;

    /** How far the file goes that entries may point into. */
    @FunctionalInterface
    interface FileEnd {
        /** @param atLeastBytes the caller is content with this much, when it is known to be there */
        long bytes(long atLeastBytes) throws IOException;
    }

    ClusterReader(ImageIo io, ImageIo data, Qcow2Header header, L1Table l1, FileEnd end, boolean writable) {
        this.io = io;
        this.data = data;
        this.header = header;
        this.l1 = l1;
        this.end = end;
        this.writable = writable;
        this.clusterBytes = header.clusterSizeBytes();
        for (int i = 0; i < WORKSPACES; i++) {
            workspaces.add(new Workspace(header));
        }
    }

    void setLower(LowerDisk disk) {
        this.lower = disk;
    }

    /** Returns when no read is under way that looked up its cluster before the call. */
    void awaitReaders() {
        long stamp = held.writeLock();
        generation++;
        held.unlockWrite(stamp);
    }

    private Workspace take() {
        boolean interrupted = false;
        while (true) {
            try {
                Workspace workspace = workspaces.take();
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
                return workspace;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
    }

    private void giveBack(Workspace workspace) {
        workspaces.add(workspace);
    }

    void readMapPage(long page, AlignedBuffer dst, int dstOffset) throws IOException {
        Workspace workspace = take();
        try {
            long first = page * Delta.PAGE_CLUSTERS - Delta.PAGE_SHIFT_CLUSTERS;
            long clusters = header.geometry().clusters();
            long from = Math.max(first, 0);
            long until = Math.min(first + Delta.PAGE_CLUSTERS, clusters);
            if (from >= until) {
                throw new IllegalArgumentException(io.name() + ": no map page " + page);
            }
            for (int slot = 0; slot < Delta.PAGE_CLUSTERS; slot++) {
                dst.putInt(dstOffset + slot * 4, Delta.NOT_ALLOCATED);
            }
            int perTable = header.l2Entries();
            for (long at = from; at < until; ) {
                long next = Math.min(until, (at / perTable + 1) * perTable);
                readSlice(workspace, at, (int) (next - at), dst, dstOffset + (int) (at - first) * 4);
                at = next;
            }
        } finally {
            giveBack(workspace);
        }
    }

    private void readSlice(Workspace workspace, long from, int count, AlignedBuffer dst, int dstOffset)
            throws IOException {
        long index = from / header.l2Entries();
        long l1Entry = l1.get(index);
        long table = l1.tableOffset(index, l1Entry, end.bytes((l1Entry & L2Entry.OFFSET) + clusterBytes));
        if (table == 0) {
            return;
        }
        boolean ownTable = (l1Entry & L2Entry.COPIED) != 0;
        int entryBytes = header.l2EntryBytes();
        io.read(table + from % header.l2Entries() * entryBytes, workspace.table, 0, count * entryBytes);
        for (int i = 0; i < count; i++) {
            long entry = Long.reverseBytes(workspace.table.getLong(i * entryBytes));
            long bitmap = entryBytes == 16 ? Long.reverseBytes(workspace.table.getLong(i * 16 + 8)) : 0;
            if (entry != 0 || bitmap != 0) {
                dst.putInt(dstOffset + i * 4, physical(from + i, entry, bitmap, ownTable));
            }
        }
    }

    private int physical(long virtualCluster, long entry, long bitmap, boolean ownTable) throws IOException {
        L2Entry.Meaning meaning = meaning(entry, bitmap);
        requireSound(virtualCluster, entry, bitmap, meaning);
        switch (meaning) {
            case UNALLOCATED:
                return Delta.NOT_ALLOCATED;
            case ZEROS:
                return PhysicalCluster.ZERO;
            case PLAIN:
                long host = L2Entry.offset(entry) >>> header.clusterBits();
                boolean whole = (virtualCluster + 1) * clusterBytes <= header.diskSizeBytes();
                boolean direct = writable ? ownTable && (entry & L2Entry.COPIED) != 0 : whole;
                return direct && host < PhysicalCluster.MAX_HOST_CLUSTERS
                        ? PhysicalCluster.host(host)
                        : PhysicalCluster.lookUp(virtualCluster);
            case COMPRESSED, PARTIAL:
                return PhysicalCluster.lookUp(virtualCluster);
        }
        throw new IllegalStateException();
    }

    private L2Entry.Meaning meaning(long entry, long bitmap) {
        return header.extendedL2()
                ? L2Entry.extended(entry, bitmap, header.externalData())
                : L2Entry.standard(entry, header.version() >= 3, header.externalData());
    }

    private void requireSound(long virtualCluster, long entry, long bitmap, L2Entry.Meaning meaning)
            throws IOException {
        boolean sound;
        if (meaning == L2Entry.Meaning.COMPRESSED) {
            long offset = L2Entry.compressedOffset(entry, header.clusterBits());
            sound = !header.externalData() && bitmap == 0 && offset >= clusterBytes && offset < end.bytes(offset + 1);
        } else {
            long offset = L2Entry.offset(entry);
            boolean overlap = (bitmap & (bitmap >>> 32) & L2Entry.ALL_ALLOCATED) != 0;
            boolean placed = L2Entry.isPlaced(entry, header.externalData());
            boolean homeless = !placed && (bitmap & L2Entry.ALL_ALLOCATED) != 0;
            boolean flag = (entry & L2Entry.ZERO) != 0 && (header.extendedL2() || header.version() < 3);
            sound = !L2Entry.hasReservedBits(entry)
                    && !overlap
                    && !homeless
                    && !flag
                    && offset % clusterBytes == 0
                    && (header.externalData()
                            ? offset == virtualCluster * clusterBytes || !placed || meaning == L2Entry.Meaning.ZEROS
                            : offset <= end.bytes(offset + clusterBytes) - clusterBytes);
        }
        if (!sound) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    io.name() + ": the L2 entry of cluster " + virtualCluster + " is " + Long.toHexString(entry)
                            + (header.extendedL2() ? " with bits " + Long.toHexString(bitmap) : "")
                            + ", which names nothing that it may name. Run image check");
        }
    }

    /**
     * Makes the cluster's place in the data file read as zeros, but for what lies there and counts: the cluster is copied up
     * in its own place, and until its entry changes its subclusters are what they were.
     */
    void punchUnused(long virtualCluster) throws IOException {
        Workspace workspace = take();
        long live;
        try {
            live = switch (lookUp(workspace, virtualCluster)) {
                case PARTIAL -> workspace.bitmap & L2Entry.ALL_ALLOCATED;
                case PLAIN -> L2Entry.ALL_ALLOCATED;
                case UNALLOCATED, ZEROS, COMPRESSED -> 0;
            };
        } finally {
            giveBack(workspace);
        }
        long start = virtualCluster * clusterBytes;
        int subclusterBytes = clusterBytes / L2Entry.SUBCLUSTERS;
        for (int from = 0; from < L2Entry.SUBCLUSTERS; ) {
            int until = from;
            while (until < L2Entry.SUBCLUSTERS && (live >>> until & 1) == 0) {
                until++;
            }
            if (until > from) {
                data.punchHole(start + (long) from * subclusterBytes, (long) (until - from) * subclusterBytes);
            }
            from = until + 1;
        }
    }

    /** Puts the cluster's entry, or 0, into the workspace. */
    private L2Entry.Meaning lookUp(Workspace workspace, long virtualCluster) throws IOException {
        long index = virtualCluster / header.l2Entries();
        long l1Entry = l1.get(index);
        long table = l1.tableOffset(index, l1Entry, end.bytes((l1Entry & L2Entry.OFFSET) + clusterBytes));
        workspace.entry = 0;
        workspace.bitmap = 0;
        if (table != 0) {
            int entryBytes = header.l2EntryBytes();
            io.read(table + virtualCluster % header.l2Entries() * entryBytes, workspace.table, 0, entryBytes);
            workspace.entry = Long.reverseBytes(workspace.table.getLong(0));
            workspace.bitmap = entryBytes == 16 ? Long.reverseBytes(workspace.table.getLong(8)) : 0;
        }
        L2Entry.Meaning meaning = meaning(workspace.entry, workspace.bitmap);
        requireSound(virtualCluster, workspace.entry, workspace.bitmap, meaning);
        return meaning;
    }

    /** Reads inside a cluster, wherever its entry says that it is. Beyond the end of the disk there are zeros. */
    void read(long virtualCluster, int offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes)
            throws IOException {
        long onDisk = header.diskSizeBytes() - virtualCluster * clusterBytes - offsetBytes;
        int length = (int) Math.max(0, Math.min(lengthBytes, onDisk));
        dst.zero(dstOffset + length, lengthBytes - length);
        if (length == 0) {
            return;
        }
        Workspace workspace = take();
        long stamp = held.readLock();
        try {
            switch (lookUp(workspace, virtualCluster)) {
                case UNALLOCATED -> readLower(virtualCluster, offsetBytes, dst, dstOffset, length);
                case ZEROS -> dst.zero(dstOffset, length);
                case PLAIN -> data.read(L2Entry.offset(workspace.entry) + offsetBytes, dst, dstOffset, length);
                case COMPRESSED -> {
                    AlignedBuffer whole =
                            workspace.decompressor().cluster(io, virtualCluster, workspace.entry, generation);
                    dst.copyFrom(whole, offsetBytes, dstOffset, length);
                }
                case PARTIAL -> readPartial(workspace, virtualCluster, offsetBytes, dst, dstOffset, length);
            }
        } finally {
            held.unlockRead(stamp);
            giveBack(workspace);
        }
    }

    private void readLower(long virtualCluster, int offsetBytes, AlignedBuffer dst, int dstOffset, int length)
            throws IOException {
        LowerDisk below = lower;
        if (below != null) {
            below.read(virtualCluster * clusterBytes + offsetBytes, dst, dstOffset, length);
            return;
        }
        if (!header.backingFile().isEmpty()) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    io.name() + ": a cluster lies partly in the backing file, which is not open");
        }
        dst.zero(dstOffset, length);
    }

    private void readPartial(
            Workspace workspace, long virtualCluster, int offsetBytes, AlignedBuffer dst, int dstOffset, int length)
            throws IOException {
        int subBytes = clusterBytes / L2Entry.SUBCLUSTERS;
        for (int done = 0; done < length; ) {
            int at = offsetBytes + done;
            int sub = at / subBytes;
            int piece = Math.min(length - done, (sub + 1) * subBytes - at);
            if (((workspace.bitmap >>> sub) & 1) != 0) {
                data.read(L2Entry.offset(workspace.entry) + at, dst, dstOffset + done, piece);
            } else if (((workspace.bitmap >>> (32 + sub)) & 1) != 0) {
                dst.zero(dstOffset + done, piece);
            } else {
                readLower(virtualCluster, at, dst, dstOffset + done, piece);
            }
            done += piece;
        }
    }

    /** Visits what may hold data inside a cluster that is looked up. */
    void dataExtents(long virtualCluster, int offsetBytes, int lengthBytes, ImageIo.ExtentVisitor visitor)
            throws IOException {
        Workspace workspace = take();
        long stamp = held.readLock();
        try {
            switch (lookUp(workspace, virtualCluster)) {
                case ZEROS -> {}
                case PLAIN -> {
                    long start = L2Entry.offset(workspace.entry);
                    data.dataExtents(
                            start + offsetBytes, lengthBytes, (at, length) -> visitor.extent(at - start, length));
                }
                case COMPRESSED, PARTIAL, UNALLOCATED -> visitor.extent(offsetBytes, lengthBytes);
            }
        } finally {
            held.unlockRead(stamp);
            giveBack(workspace);
        }
    }

    @Override
    public void close() {
        for (Workspace workspace : workspaces) {
            workspace.close();
        }
    }
}
