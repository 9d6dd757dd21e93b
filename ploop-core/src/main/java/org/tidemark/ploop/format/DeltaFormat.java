package org.tidemark.ploop.format;

import java.io.IOException;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** A way to lay a virtual disk into a file: creates, recognises and opens its deltas. Stateless. */
public interface DeltaFormat {
    /** The name on the command line, for instance {@code expanded}. */
    String id();

    /** Whether the file looks like this format. Reads only; never throws for content. */
    boolean probe(ImageIo io) throws IOException;

    /** The cluster size nearest to a wanted one that the format can create, a power of two. */
    int nearestClusterSize(int wantedBytes);

    /**
     * Lays out an empty delta in an empty file. Everything but the file's name is durable on return.
     *
     * @throws org.tidemark.ploop.io.ImageException of kind INVALID_REQUEST for a geometry the format cannot have
     */
    void create(ImageIo io, DeltaGeometry geometry) throws IOException;

    /**
     * Opens a delta; the file belongs to it from here on. Header and geometry are checked, the table is not read as a
     * whole.
     *
     * @param clusterSizeBytes the cluster size for a format that does not store one (raw); otherwise 0, or the size that
     *     is expected
     * @param cursor where allocation goes on; see {@link AllocationCursor}
     */
    Delta open(ImageIo io, OpenIntent intent, int clusterSizeBytes, AllocationCursor cursor) throws IOException;

    /**
     * Enlarges the disk of a closed delta. Durable on return; a crash leaves the old size or the new one, and doing it again
     * finishes it. Does nothing when the disk has that size.
     *
     * @param to the same cluster size, and a larger disk
     * @throws org.tidemark.ploop.io.ImageException of kind INVALID_REQUEST for a smaller disk or one that the format cannot
     *     have, NOT_CLOSED for a delta that is marked in use, UNSUPPORTED when the format does not do this
     */
    default void grow(ImageIo io, DeltaGeometry to) throws IOException {
        throw new ImageException(
                ImageException.Kind.UNSUPPORTED,
                io.name() + ": the size of " + id()
                        + " images cannot be changed; convert it, or use the program that made" + " it");
    }

    /**
     * Makes the disk of a closed delta smaller; what lay behind the new end is gone. Durable on return; a crash leaves the old
     * size, perhaps with zeros behind the new end, or the new one, and doing it again finishes it. Does nothing when the disk
     * has that size.
     *
     * @param to the same cluster size, and a smaller disk
     * @throws org.tidemark.ploop.io.ImageException as {@link #grow}
     */
    default void shrink(ImageIo io, DeltaGeometry to) throws IOException {
        throw new ImageException(
                ImageException.Kind.UNSUPPORTED,
                io.name() + ": the disk of a " + id() + " image cannot be made smaller; convert it first");
    }

    /**
     * {@link #grow} for a delta that this process has open for writing. It was flushed, the map in its file is complete, nobody
     * reads or writes until it is opened anew with {@link OpenIntent#RECOVER}. When this throws, the delta is what it was as
     * long as {@code noWayBack} was not called; after that only its file says where its clusters lie.
     *
     * @param cursor that of the open delta; a successor goes on with it
     * @param noWayBack called before the first change that cannot be taken back
     */
    default void growOpen(ImageIo io, DeltaGeometry to, AllocationCursor cursor, Runnable noWayBack)
            throws IOException {
        throw new ImageException(
                ImageException.Kind.UNSUPPORTED,
                io.name() + ": the size of an attached " + id() + " image cannot be changed");
    }

    /** Why a delta is opened. */
    enum OpenIntent {
        /** Only to be read; an image that is marked in use may be read too (its tail may be changing). */
        READ,
        /** To be written. Refused with NOT_CLOSED when the in-use mark is set. */
        WRITE,
        /**
         * To be written by the successor of a device server that was killed, with the cursor and the map it left: the
         * in-use mark is expected to be set.
         */
        TAKE_OVER,
        /**
         * To be written after a crash of the machine: the mark is set and there is no cursor. The table is read as a
         * whole; clusters at the end that nothing names are cut off.
         */
        RECOVER
    }
}
