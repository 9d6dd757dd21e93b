package org.tidemark.backup.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.tidemark.backup.repository.log.CbtCheckpoint;
import org.tidemark.ploop.device.attach.nbd.NbdClient;

/**
 * A view of an attached device, read over NBD from the device server. Changes come as a dirty bitmap, what is allocated as
 * {@code base:allocation}; done means TRIM, which ends copy-before-write there.
 */
public final class NbdDiskSource implements DiskSource {
    private static final String ALLOCATION = "base:allocation";
    private static final int STATE_DIRTY = 1;
    private static final int STATE_ZERO = 2;
    private static final int GRANULE_BYTES = 4096;
    private static final long STATUS_BYTES = 1L << 30;
    private static final long BORROW_SECONDS = 120;

    private final String imageId;
    private final ChangeInfo changes;
    private final Optional<CbtCheckpoint> checkpoint;
    private final String context;
    private final NbdClient status;
    private final List<NbdClient> all = new ArrayList<>();
    private final ArrayBlockingQueue<NbdClient> idle;

    /**
     * Connects to a view.
     *
     * @param bitmap the name of the view's dirty bitmap, used when {@code changes} is incremental
     * @param connections how many requests run side by side
     */
    public NbdDiskSource(
            String imageId,
            Path socket,
            String export,
            ChangeInfo changes,
            Optional<CbtCheckpoint> checkpoint,
            String bitmap,
            int connections)
            throws IOException {
        this.imageId = imageId;
        this.changes = changes;
        this.checkpoint = checkpoint;
        this.context = changes instanceof ChangeInfo.Incremental ? "qemu:dirty-bitmap:" + bitmap : ALLOCATION;
        this.idle = new ArrayBlockingQueue<>(connections);
        boolean done = false;
        try {
            status = connect(socket, export, List.of(context));
            if (!status.contexts().contains(context)) {
                throw new IOException("view " + export + " has no context " + context);
            }
            for (int i = 0; i < connections; i++) {
                idle.add(connect(socket, export, List.of()));
            }
            done = true;
        } finally {
            if (!done) {
                close();
            }
        }
    }

    private NbdClient connect(Path socket, String export, List<String> contexts) throws IOException {
        NbdClient client = NbdClient.connect(socket, export, contexts);
        all.add(client);
        return client;
    }

    @Override
    public String imageId() {
        return imageId;
    }

    @Override
    public long sizeBytes() {
        return status.sizeBytes();
    }

    @Override
    public ChangeInfo changes() {
        return changes;
    }

    @Override
    public Optional<CbtCheckpoint> checkpoint() {
        return checkpoint;
    }

    @Override
    public void visitRanges(RangeVisitor visitor) throws IOException {
        long size = sizeBytes();
        boolean incremental = changes instanceof ChangeInfo.Incremental;
        List<long[]> ranges = new ArrayList<>();
        long reached = 0;
        for (long at = 0; at < size; at += STATUS_BYTES) {
            ranges.clear();
            status.blockStatus(context, at, Math.min(STATUS_BYTES, size - at), (offset, length, state) -> {
                if (incremental ? (state & STATE_DIRTY) != 0 : (state & STATE_ZERO) == 0) {
                    ranges.add(new long[] {offset, offset + length});
                }
            });
            for (long[] range : ranges) {
                long from = Math.max(reached, range[0] & -GRANULE_BYTES);
                long to = Math.min(size, (range[1] + GRANULE_BYTES - 1) & -GRANULE_BYTES);
                if (to > from) {
                    visitor.range(from, to - from);
                    reached = to;
                }
            }
        }
    }

    @Override
    public void read(long offsetBytes, ByteBuffer dst, int lengthBytes) throws IOException {
        int limit = dst.limit();
        NbdClient client = borrow();
        try {
            client.read(offsetBytes, dst.limit(dst.position() + lengthBytes));
        } finally {
            dst.limit(limit);
            idle.add(client);
        }
    }

    @Override
    public void done(long offsetBytes, long lengthBytes) throws IOException {
        NbdClient client = borrow();
        try {
            client.trim(offsetBytes, lengthBytes);
        } finally {
            idle.add(client);
        }
    }

    private NbdClient borrow() throws IOException {
        try {
            NbdClient client = idle.poll(BORROW_SECONDS, TimeUnit.SECONDS);
            if (client == null) {
                throw new IOException("the device server did not answer a read within " + BORROW_SECONDS + " s");
            }
            return client;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    @Override
    public void close() throws IOException {
        for (NbdClient client : all) {
            client.close();
        }
    }
}
