package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** The qcow2 format, versions 2 and 3: creates images and opens them. */
public final class Qcow2Format implements DeltaFormat {
    public static final String ID = "qcow2";

    /** The cluster size that other programs use when they are not told one. */
    public static final int USUAL_CLUSTER_BYTES = 65_536;

    @Override
    public String id() {
        return ID;
    }

    @Override
    public boolean probe(ImageIo io) throws IOException {
        AlignedBuffer head = AlignedBuffer.allocate(8);
        io.read(0, head, 0, 8);
        int version = Integer.reverseBytes(head.getInt(4));
        return Integer.reverseBytes(head.getInt(0)) == Qcow2Header.MAGIC && (version == 2 || version == 3);
    }

    @Override
    public int nearestClusterSize(int wantedBytes) {
        int powerOfTwo = Integer.highestOneBit(Math.max(wantedBytes, 1));
        return Math.max(1 << Qcow2Header.MIN_CLUSTER_BITS, Math.min(powerOfTwo, 1 << Qcow2Header.MAX_CLUSTER_BITS));
    }

    @Override
    public void create(ImageIo io, DeltaGeometry geometry) throws IOException {
        create(io, geometry, CreateOptions.USUAL);
    }

    /** Lays out an empty image. Everything but the file's name is durable on return. */
    public static void create(ImageIo io, DeltaGeometry geometry, CreateOptions options) throws IOException {
        new NewQcow2(io, geometry, options).write();
    }

    @Override
    public Delta open(ImageIo io, OpenIntent intent, int clusterSizeBytes, AllocationCursor cursor) throws IOException {
        return open(io, null, intent, cursor);
    }

    /**
     * Opens an image whose data lies in another file, or one without; the files belong to the delta from here on.
     *
     * @param external the data file, when the header names one
     */
    public static Qcow2Delta open(ImageIo io, @Nullable ImageIo external, OpenIntent intent, AllocationCursor cursor)
            throws IOException {
        boolean writable = intent != OpenIntent.READ;
        if (writable && !io.writable()) {
            throw new ImageException(ImageException.Kind.READ_ONLY, io.name() + ": open for reading only");
        }
        Qcow2Header header = Qcow2Header.read(io);
        if (header.externalData() && external == null) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    io.name() + ": its data lies in another file, "
                            + header.dataFile().orElse("whose name it does not tell") + ", which is not open");
        }
        ImageIo data = header.externalData() && external != null ? external : io;
        L1Place.require(io, header);
        if (!writable) {
            return Qcow2Delta.readOnly(io, data, header, activeL1(io, header));
        }
        requireWritable(io, header);
        switch (intent) {
            case READ -> throw new IllegalStateException();
            case WRITE -> {
                if (header.dirty()) {
                    throw new ImageException(
                            ImageException.Kind.NOT_CLOSED,
                            io.name() + ": was not closed: either it is open elsewhere, or its host crashed. When"
                                    + " nobody has it open, run image check and attach it with --recover");
                }
                EnoughCounts.require(io, header);
                cursor.set(HostClusters.firstFree(io, header));
            }
            case TAKE_OVER -> {
                if (cursor.get() <= 0) {
                    throw new ImageException(
                            ImageException.Kind.DAMAGED,
                            io.name() + ": cannot be taken over: the predecessor left no allocation cursor");
                }
            }
            case RECOVER -> {
                header = Recovery.run(io, header);
                cursor.set(HostClusters.firstFree(io, header));
            }
        }
        HostClusters clusters = new HostClusters(io, header, cursor, true);
        if (intent == OpenIntent.TAKE_OVER) {
            clusters.adoptClaim();
        }
        return Qcow2Delta.writable(io, data, header, clusters);
    }

    /** How much of the L2 tables of a chain is looked through at most before it is opened for writing, what the top leaves. */
    public static long lookThroughBytes(Qcow2Header top) {
        return Math.max(0, EnoughCounts.MAX_TABLE_BYTES - EnoughCounts.tableBytes(top));
    }

    /**
     * Looks through an image that others are going to stand on: a header that is wrong about its tables would show something
     * else, and no entry would. What data is counted does not matter, because nothing is written. Not one that was not
     * closed.
     *
     * @param tableBytes how much may be read of its L2 tables; when it has more nothing is
     * @return what is left of that
     */
    public static long lookThrough(ImageIo io, long tableBytes) throws IOException {
        Qcow2Header header = Qcow2Header.read(io);
        boolean looked = !header.dirty() && EnoughCounts.require(io, header, true, tableBytes);
        return looked ? tableBytes - EnoughCounts.tableBytes(header) : tableBytes;
    }

    /**
     * Opens an image for reading as it was at one of its internal snapshots; the files belong to the delta from here on.
     *
     * @param idOrName id of the snapshot, or its name
     * @throws ImageException of kind INVALID_REQUEST when there is no such snapshot
     */
    public static Qcow2Delta openSnapshot(ImageIo io, @Nullable ImageIo external, String idOrName) throws IOException {
        Qcow2Header header = Qcow2Header.read(io);
        Snapshot snapshot = Snapshot.find(io, header, idOrName);
        Qcow2Header then = snapshot.diskSizeBytes() < 0 ? header : header.withDiskSize(snapshot.diskSizeBytes());
        snapshot.requireTable(io, then);
        ImageIo data = external == null ? io : external;
        return Qcow2Delta.readOnly(io, data, then, new L1Table(io, then, snapshot.l1Offset(), snapshot.l1Entries()));
    }

    private static L1Table activeL1(ImageIo io, Qcow2Header header) {
        return new L1Table(io, header, header.l1Offset(), header.l1Entries());
    }

    private static void requireWritable(ImageIo io, Qcow2Header header) throws ImageException {
        if (header.corrupt()) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    io.name() + ": is marked corrupt by a program that wrote it; it can be read, or repaired with"
                            + " image check");
        }
    }
}
