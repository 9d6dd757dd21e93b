package org.tidemark.ploop.format;

import java.io.Closeable;
import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;

/**
 * One open file of a chain.
 *
 * <p>Clusters are named by number. A <i>virtual</i> cluster is a position on the disk, a {@code long}. A <i>physical</i>
 * cluster is a position in this delta's file, an unsigned 32-bit number whose meaning only the delta knows; {@link
 * #NOT_ALLOCATED} is never one. There are two verbs for writing: {@link #overwrite} for a cluster that is in the map
 * already, and {@link #reserve}, overwrite, then the device's map, for a new one.
 *
 * <p>Data methods ({@link #read}, {@link #overwrite}, {@link #punch}, {@link #reserve}) may be called by several threads at
 * once and allocate no memory. The others are called by one thread at a time.
 */
public interface Delta extends Closeable {
    /** In a map page: this delta does not hold the cluster. */
    int NOT_ALLOCATED = 0xFFFFFFFF;

    /** Clusters in a map page. */
    int PAGE_CLUSTERS = 1024;

    /** Bytes of a map page as exchanged with the device: 1,024 unsigned 32-bit numbers, little-endian. */
    int PAGE_BYTES = PAGE_CLUSTERS * 4;

    /** Slot of virtual cluster 0 in page 0. */
    int PAGE_SHIFT_CLUSTERS = 16;

    /** What messages call this delta, usually the path of its file. */
    String name();

    /** The name of the format, for instance {@code expanded}. */
    String format();

    DeltaGeometry geometry();

    boolean writable();

    /**
     * Whether every cluster lies at its own place (raw): then the map has no holes, nothing is ever reserved, and every
     * write is an {@code overwrite}.
     */
    boolean identityMapped();

    /** The file below, for checks and for the capabilities of the I/O module. */
    ImageIo io();

    /**
     * Reads map page {@code page} into {@code dst}: 1,024 physical cluster numbers. Slots before cluster 0 or beyond the
     * disk are {@link #NOT_ALLOCATED}. Throws {@link org.tidemark.ploop.io.ImageException} of kind DAMAGED for an entry
     * that points nowhere it may.
     */
    void readMapPage(long page, AlignedBuffer dst, int dstOffset) throws IOException;

    /**
     * Writes map page {@code page}. Slots hold physical clusters of this delta or {@link #NOT_ALLOCATED}. Not durable
     * before {@link #flush}.
     */
    void writeMapPage(long page, AlignedBuffer src, int srcOffset) throws IOException;

    /** Reads inside one physical cluster. */
    void read(int physicalCluster, int offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes)
            throws IOException;

    /** Writes inside one physical cluster. Not durable before {@link #flush}. */
    void overwrite(int physicalCluster, int offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes)
            throws IOException;

    /** Makes a part of a physical cluster read as zeros, to the byte, giving its space back where possible. */
    void punch(int physicalCluster, int offsetBytes, int lengthBytes) throws IOException;

    /**
     * Hands out a physical cluster that nothing refers to and that reads as zeros. It stays out of every map until the
     * device puts it in. Throws {@link org.tidemark.ploop.os.OsException} with ENOSPC when the file cannot grow, {@link
     * org.tidemark.ploop.io.ImageException} when the format's limit is reached.
     */
    int reserve() throws IOException;

    /**
     * {@link #reserve} for the cluster of the disk that it is meant for, which matters to formats that have only one place
     * for it.
     */
    default int reserveFor(long virtualCluster) throws IOException {
        return reserve();
    }

    /**
     * Whether the cluster may be written and punched where it lies. One that may not (compressed, shared, partly in a lower
     * delta) can only be read; a write puts a fresh cluster in its place.
     */
    default boolean inPlace(int physicalCluster) {
        return true;
    }

    /**
     * A physical cluster that takes no space, reads as zeros and may stand at any place in the map, or {@link
     * #NOT_ALLOCATED} when the format has none.
     */
    default int zeroCluster() {
        return NOT_ALLOCATED;
    }

    /** Takes back a cluster that was reserved and did not make it into the map. It is zeroed before it is handed out again. */
    void unreserve(int physicalCluster);

    /**
     * Whether a cluster that left the map can be handed out again while the delta is open, see {@link #release}. May do
     * I/O the first time it is asked.
     */
    default boolean releases() throws IOException {
        return false;
    }

    /**
     * Takes back a cluster that was in the map and is in it no longer. The table without it is durable, and nobody reads
     * or writes in it any more. It is zeroed before it is handed out again; a cluster that cannot be zeroed leaks.
     */
    default void release(int physicalCluster) {
        throw new IllegalStateException(name() + ": clusters of this format are not released");
    }

    /**
     * Where in {@link #dataFile} the content of a physical cluster lies as it is, in bytes; -1 when it is in no such place
     * (compressed, in parts, below another device).
     */
    default long filePosition(int physicalCluster) {
        return -1;
    }

    /** The file that holds the clusters, usually this one. */
    default String dataFile() {
        return name();
    }

    /** Visits the parts of a physical cluster that may hold data; positions are offsets within the cluster. */
    void dataExtents(int physicalCluster, int offsetBytes, int lengthBytes, ImageIo.ExtentVisitor visitor)
            throws IOException;

    /** Everything written to the file before the call is durable on return: one {@code fdatasync}. */
    void flush() throws IOException;

    /**
     * Sets the format's mark "open for writing", durable on return. Until {@link #markClosed} every other reader regards
     * the image as not closed. A format without such a mark does nothing.
     */
    void markInUse() throws IOException;

    /**
     * Moves up to {@code maxMoveBytes} from the end of the file into holes, so that {@link #markClosed} can cut it. The last
     * thing before that: every page was written and flushed, and whoever has pages in memory must not read or write by
     * them any more. A format that has no holes does nothing.
     *
     * @param maxMoveBytes {@link Long#MAX_VALUE} for everything, also when it takes long to find out what there is
     * @return whether anything was moved: pages that were read before are not true any more
     */
    default boolean shrink(long maxMoveBytes) throws IOException {
        return false;
    }

    /**
     * Finds out what {@link #shrink} has to know, however long it takes, so that it takes no longer than moving does. By any
     * thread, while the delta is in use.
     */
    default void prepareShrink() throws IOException {}

    /**
     * Takes back the clusters that a killed predecessor had handed out and that nothing names, as far as that takes no longer
     * than a moment. Under the same conditions as {@link #markClosed}, before it. A format whose next writer finds such
     * clusters by itself does nothing.
     */
    default void collectLeaked() throws IOException {}

    /**
     * Gives surplus space at the end of the file back, then clears the mark; durable on return. All pages were written
     * and flushed before.
     */
    void markClosed() throws IOException;

    /** Lets go of the file. Does not flush and does not change the mark: closing without markClosed is a crash. */
    @Override
    void close() throws IOException;
}
