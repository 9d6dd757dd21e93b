package org.tidemark.ploop.device;

import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;

/**
 * The open deltas of a device with what reads and writes them, and how they are replaced while the device is in use. Whoever
 * reads is inside a gate of its own, so that no file is closed under a read; writers are held back by the device.
 */
final class ChainStack {
    private static final long FOR_EVER_NANOS = Long.MAX_VALUE / 4;

    private final int mapSlots;
    private final StateArea area;
    private final ClusterStore.Room room;
    private final AdmissionGate readers = new AdmissionGate();
    private volatile Open open;

    /** A writer whose view saves old data is inside the device's gate and inside that of the readers, this one last. */
    ChainStack(int mapSlots, StateArea area, ClusterStore.Room room, List<Delta> deltas) throws IOException {
        this.mapSlots = mapSlots;
        this.area = area;
        this.room = room;
        this.open = open(deltas);
    }

    private record Open(List<Delta> deltas, ClusterStore clusters) {}

    private Open open(List<Delta> deltas) throws IOException {
        DeltaGeometry geometry = geometryOf(deltas);
        int clusterBytes = geometry.clusterSizeBytes();
        for (Delta delta : deltas) {
            if (delta.geometry().clusterSizeBytes() != clusterBytes) {
                throw new ImageException(
                        ImageException.Kind.DAMAGED,
                        delta.name() + ": cluster size " + delta.geometry().clusterSizeBytes() + ", but "
                                + deltas.get(deltas.size() - 1).name() + " has " + clusterBytes
                                + "; all deltas of a chain share one");
            }
        }
        List<Delta> own = List.copyOf(deltas);
        ClusterMap map = new ClusterMap(own, geometry.clusters(), mapSlots, area);
        return new Open(own, new ClusterStore(own, map, room));
    }

    private static DeltaGeometry geometryOf(List<Delta> deltas) {
        return deltas.get(deltas.size() - 1).geometry();
    }

    /** Another one when a chain was put in the place of a raw file. */
    int clusterBytes() {
        return top().geometry().clusterSizeBytes();
    }

    List<Delta> deltas() {
        return open.deltas();
    }

    Delta top() {
        List<Delta> deltas = open.deltas();
        return deltas.get(deltas.size() - 1);
    }

    void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        readers.enter();
        try {
            open.clusters().read(offsetBytes, dst, dstOffset, lengthBytes);
        } finally {
            readers.leave();
        }
    }

    void extents(long offsetBytes, long lengthBytes, BlockDevice.ExtentVisitor visitor) throws IOException {
        readers.enter();
        try {
            open.clusters().extents(offsetBytes, lengthBytes, visitor);
        } finally {
            readers.leave();
        }
    }

    void map(long offsetBytes, long lengthBytes, ClusterStore.MapVisitor visitor) throws IOException {
        readers.enter();
        try {
            open.clusters().map(offsetBytes, lengthBytes, visitor);
        } finally {
            readers.leave();
        }
    }

    void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        open.clusters().write(offsetBytes, src, srcOffset, lengthBytes);
    }

    void discard(long from, long end) throws IOException {
        open.clusters().discard(from, end);
    }

    void flush() throws IOException {
        open.clusters().flush();
    }

    /** See {@link ClusterStore#shrink}. */
    boolean shrink(long maxMoveBytes) throws IOException {
        return open.clusters().shrink(maxMoveBytes);
    }

    void readTopPage(long page, AlignedBuffer dst) throws IOException {
        open.clusters().readTopPage(page, dst);
    }

    /**
     * Puts another chain in the place of this one. No writer is inside, no flush under way, everything is in the files.
     * Readers hold old deltas for as long as one read takes. When it throws, reading goes on through the old chain.
     */
    void replace(Exchange.Next next) throws IOException {
        if (!readers.shut(FOR_EVER_NANOS)) {
            throw new IOException("interrupted while readers were waited for");
        }
        try {
            serve(next);
        } finally {
            readers.reopen();
        }
    }

    private void serve(Exchange.Next next) throws IOException {
        ChainBinding.bind(area, next.chainId(), geometryOf(next.deltas()), next.cursor());
        open = open(next.deltas());
    }

    /**
     * The same, and no reader is inside while {@code exchange} works: it may move clusters of the chain's files. When it
     * throws, reading goes on through the old deltas, by what their files say then.
     */
    Exchange.Next replaceUnread(Exchange exchange) throws IOException {
        if (!readers.shut(FOR_EVER_NANOS)) {
            throw new IOException("interrupted while readers were waited for");
        }
        try {
            Exchange.Next next;
            try {
                next = exchange.commit();
            } catch (IOException | RuntimeException e) {
                ClusterMap.forget(area);
                open = open(open.deltas());
                throw e;
            }
            serve(next);
            return next;
        } finally {
            readers.reopen();
        }
    }

    void close() throws IOException {
        IOException failure = null;
        for (Delta delta : open.deltas()) {
            try {
                delta.close();
            } catch (IOException e) {
                failure = e;
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
