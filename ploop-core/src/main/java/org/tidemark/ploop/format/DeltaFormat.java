package org.tidemark.ploop.format;

import java.io.IOException;
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
