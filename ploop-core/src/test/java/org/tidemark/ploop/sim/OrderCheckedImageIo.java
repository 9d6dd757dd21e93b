package org.tidemark.ploop.sim;

import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.tidemark.ploop.format.expanded.ClusterGrid;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedHeader;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.IoCapabilities;

/**
 * Watches the order of writing in an expanded image: a table entry that newly names a cluster is written only after that
 * cluster's first data, and the size that holds it, were flushed. The wrong order is an {@link AssertionError} at once.
 */
public final class OrderCheckedImageIo implements ImageIo {
    private final ImageIo below;
    private final ExpandedHeader header;
    private final ClusterGrid grid;
    private final Map<Long, Long> unflushed = new HashMap<>();
    private final Set<Long> flushed = new HashSet<>();
    private long sequence;
    private long flushedSize;
    private boolean flushedOnce;

    private OrderCheckedImageIo(ImageIo below, ExpandedHeader header) throws IOException {
        this.below = below;
        this.header = header;
        this.grid = header.grid();
        this.flushedSize = below.size();
    }

    /** Watches a file that is an expanded image now; any other file is returned as it is. */
    public static ImageIo watch(ImageIo io) throws IOException {
        if (!new ExpandedFormat().probe(io)) {
            return io;
        }
        try {
            return new OrderCheckedImageIo(io, ExpandedFormat.readHeader(io));
        } catch (ImageException e) {
            return io;
        }
    }

    @Override
    public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        if (position < header.dataStartBytes()) {
            checkEntries(position, src, srcOffset, length);
        }
        touched(position, length);
        below.write(position, src, srcOffset, length);
    }

    private synchronized void touched(long position, long length) {
        sequence++;
        long first = grid.wholeClusters(Math.max(position, header.dataStartBytes()));
        for (long cluster = first; grid.positionBytes(cluster) < position + length; cluster++) {
            if (!flushed.contains(cluster)) {
                unflushed.putIfAbsent(cluster, sequence);
            }
        }
    }

    private synchronized void checkEntries(long position, AlignedBuffer src, int srcOffset, int length)
            throws IOException {
        AlignedBuffer old = AlignedBuffer.allocate(Math.max(length, 1));
        below.read(position, old, 0, length);
        for (int at = (int) ((4 - position % 4) % 4); at + 4 <= length; at += 4) {
            long place = position + at;
            int entry = src.getInt(srcOffset + at);
            if (place < ExpandedHeader.BYTES
                    || place >= header.tableEndBytes()
                    || entry == 0
                    || entry == old.getInt(at)) {
                continue;
            }
            long cluster = grid.clusterOf(entry);
            long virtual = (place - ExpandedHeader.BYTES) / 4;
            if (unflushed.containsKey(cluster)) {
                throw new AssertionError(name() + ": the entry of cluster " + virtual + " names cluster " + cluster
                        + " of the file, whose data was not flushed");
            }
            if (grid.positionBytes(cluster + 1) > flushedSize) {
                throw new AssertionError(name() + ": the entry of cluster " + virtual + " names cluster " + cluster
                        + " of the file, beyond the size that was flushed");
            }
        }
    }

    @Override
    public void flush() throws IOException {
        long begun;
        long size;
        synchronized (this) {
            begun = sequence;
            size = below.size();
        }
        below.flush();
        synchronized (this) {
            // Of a file that another process wrote to before, nobody here knows what is not flushed: what is first
            // touched
            // during the first flush may be such.
            boolean first = !flushedOnce;
            flushedOnce = true;
            unflushed.entrySet().removeIf(entry -> {
                boolean done = first || entry.getValue() <= begun;
                if (done) {
                    flushed.add(entry.getKey());
                }
                return done;
            });
            flushedSize = size;
        }
    }

    @Override
    public void punchHole(long position, long length) throws IOException {
        forget(position, length);
        below.punchHole(position, length);
    }

    @Override
    public void zero(long position, long length) throws IOException {
        forget(position, length);
        below.zero(position, length);
    }

    /** A cluster that is emptied as a whole begins anew. */
    private synchronized void forget(long position, long length) {
        for (long cluster = grid.startedClusters(position);
                grid.positionBytes(cluster + 1) <= position + length;
                cluster++) {
            flushed.remove(cluster);
            unflushed.remove(cluster);
        }
        touched(position, length);
    }

    @Override
    public void truncate(long sizeBytes) throws IOException {
        synchronized (this) {
            flushedSize = Math.min(flushedSize, sizeBytes);
            long first = grid.wholeClusters(sizeBytes);
            flushed.removeIf(cluster -> cluster >= first);
            unflushed.keySet().removeIf(cluster -> cluster >= first);
        }
        below.truncate(sizeBytes);
    }

    @Override
    public String name() {
        return below.name();
    }

    @Override
    public IoCapabilities capabilities() {
        return below.capabilities();
    }

    @Override
    public boolean writable() {
        return below.writable();
    }

    @Override
    public long size() throws IOException {
        return below.size();
    }

    @Override
    public void read(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
        below.read(position, dst, dstOffset, length);
    }

    @Override
    public void dataExtents(long position, long length, ExtentVisitor visitor) throws IOException {
        below.dataExtents(position, length, visitor);
    }

    @Override
    public void close() throws IOException {
        below.close();
    }
}
