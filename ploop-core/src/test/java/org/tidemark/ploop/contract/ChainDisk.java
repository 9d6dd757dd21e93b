package org.tidemark.ploop.contract;

import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ImageChain;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * The simplest possible disk over a chain: one request at a time, no cache, every write durable. An oracle for formats that
 * does not depend on the real device.
 */
public final class ChainDisk implements Closeable {
    private final ImageChain chain;
    private final List<Delta> deltas;
    private final Delta top;
    private final int clusterBytes;
    private final long sizeBytes;
    private final AlignedBuffer page = AlignedBuffer.allocate(Delta.PAGE_BYTES);

    private ChainDisk(ImageChain chain) {
        this.chain = chain;
        this.deltas = chain.deltas();
        this.top = chain.top();
        this.clusterBytes = top.geometry().clusterSizeBytes();
        this.sizeBytes = top.geometry().diskSizeBytes();
    }

    public static ChainDisk open(ChainFiles files, OpenIntent intent) throws IOException {
        ChainDisk disk = new ChainDisk(ImageChain.open(files, intent, AllocationCursor.transientCursor()));
        if (intent != OpenIntent.READ) {
            disk.top.markInUse();
        }
        return disk;
    }

    public long sizeBytes() {
        return sizeBytes;
    }

    public byte[] read(long offset, int length) throws IOException {
        byte[] bytes = new byte[length];
        for (int done = 0; done < length; ) {
            long cluster = (offset + done) / clusterBytes;
            int skip = (int) ((offset + done) % clusterBytes);
            int take = Math.min(length - done, clusterBytes - skip);
            readCluster(cluster, skip, bytes, done, take);
            done += take;
        }
        return bytes;
    }

    private void readCluster(long cluster, int skip, byte[] dst, int dstOffset, int length) throws IOException {
        for (int level = deltas.size() - 1; level >= 0; level--) {
            Delta delta = deltas.get(level);
            int physical = cluster < delta.geometry().clusters() ? entry(delta, cluster) : Delta.NOT_ALLOCATED;
            if (physical != Delta.NOT_ALLOCATED) {
                AlignedBuffer buffer = AlignedBuffer.allocate(length);
                delta.read(physical, skip, buffer, 0, length);
                buffer.bytes().get(0, dst, dstOffset, length);
                return;
            }
        }
    }

    private int entry(Delta delta, long cluster) throws IOException {
        long slot = cluster + Delta.PAGE_SHIFT_CLUSTERS;
        delta.readMapPage(slot / Delta.PAGE_CLUSTERS, page, 0);
        return page.getInt((int) (slot % Delta.PAGE_CLUSTERS) * 4);
    }

    public void write(long offset, byte[] bytes) throws IOException {
        for (int done = 0; done < bytes.length; ) {
            long cluster = (offset + done) / clusterBytes;
            int skip = (int) ((offset + done) % clusterBytes);
            int take = Math.min(bytes.length - done, clusterBytes - skip);
            int physical = entry(top, cluster);
            if (physical != Delta.NOT_ALLOCATED) {
                top.overwrite(
                        physical,
                        skip,
                        TestBytes.buffer(java.util.Arrays.copyOfRange(bytes, done, done + take)),
                        0,
                        take);
                top.flush();
            } else {
                allocate(cluster, skip, bytes, done, take);
            }
            done += take;
        }
    }

    private void allocate(long cluster, int skip, byte[] bytes, int offset, int length) throws IOException {
        byte[] whole = new byte[clusterBytes];
        readCluster(cluster, 0, whole, 0, clusterBytes);
        System.arraycopy(bytes, offset, whole, skip, length);
        int physical = top.reserve();
        top.overwrite(physical, 0, TestBytes.buffer(whole), 0, clusterBytes);
        top.flush();
        long slot = cluster + Delta.PAGE_SHIFT_CLUSTERS;
        top.readMapPage(slot / Delta.PAGE_CLUSTERS, page, 0);
        page.putInt((int) (slot % Delta.PAGE_CLUSTERS) * 4, physical);
        top.writeMapPage(slot / Delta.PAGE_CLUSTERS, page, 0);
        top.flush();
    }

    /** Closes cleanly; {@link #crash} does not. */
    @Override
    public void close() throws IOException {
        if (top.writable()) {
            top.markClosed();
        }
        chain.close();
    }

    public void crash() throws IOException {
        chain.close();
    }
}
