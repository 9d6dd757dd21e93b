package org.tidemark.appliance.service.export;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.DeviceState;
import org.tidemark.ploop.device.attach.nbd.NbdClient;
import org.tidemark.ploop.device.attach.nbd.NbdExport;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.os.OsException;

/**
 * A disk that the device server exports, seen from here. Requests go over a few connections, each with one at a time. When the
 * device server is killed they wait for its successor, and are sent again: each of them bears that.
 */
final class RemoteDevice implements BlockDevice {
    private static final String ALLOCATION = "base:allocation";
    private static final int STATE_ZERO = 2;
    private static final int STATE_DIRTY = 1;
    private static final int REQUESTS = 4;
    /** One more than requests, so that asking for block status now and then does not cost the others theirs. */
    private static final int MOST_CONNECTIONS = 5;

    private static final Duration PATIENCE = Duration.ofSeconds(15);
    private static final long PAUSE_NANOS = 50_000_000;
    private static final int BLOCK_BYTES = 512;

    private final String name;
    private final Source source;
    private final boolean writable;
    private final Semaphore places = new Semaphore(REQUESTS);
    private final RemoteConnections connections;
    private volatile long sizeBytes;
    private volatile boolean closed;

    /** Where the disk is served. */
    interface Source extends java.io.Closeable {
        /** A new connection, with these meta contexts where the server has them. */
        NbdClient connect(List<String> contexts) throws IOException;

        /** How large the disk is now. */
        long sizeBytes() throws IOException;

        /** Whether a broken connection is worth a new one. */
        boolean comesBack();
    }

    /** Owns {@code source}, also when it throws. */
    RemoteDevice(String name, Source source, boolean writable) throws IOException {
        this.name = name;
        this.source = source;
        this.writable = writable;
        this.connections = new RemoteConnections(source, MOST_CONNECTIONS);
        boolean done = false;
        try {
            this.sizeBytes = source.sizeBytes();
            done = true;
        } finally {
            if (!done) {
                source.close();
            }
        }
    }

    @Override
    public String name() {
        return name;
    }

    /** As it was when somebody asked last. */
    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    /** Asks where the disk is served. */
    @Override
    public long currentSizeBytes() {
        try {
            sizeBytes = source.sizeBytes();
        } catch (IOException e) {
            // The device server is being replaced; its disks do not change meanwhile.
            System.getLogger(RemoteDevice.class.getName()).log(System.Logger.Level.DEBUG, name, e);
        }
        return sizeBytes;
    }

    @Override
    public int blockSizeBytes() {
        return BLOCK_BYTES;
    }

    @Override
    public boolean writable() {
        return writable;
    }

    @Override
    public DeviceState state() {
        return closed ? DeviceState.CLOSED : DeviceState.RUNNING;
    }

    private interface Request {
        void run(NbdClient client) throws IOException;
    }

    private void perform(List<String> contexts, Request request) throws IOException {
        try {
            places.acquire();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException(name);
        }
        try {
            long end = System.nanoTime() + PATIENCE.toNanos();
            while (!tryOnce(contexts, request, end)) {
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        } finally {
            places.release();
        }
    }

    /** False when the connection broke and it is worth another try. */
    private boolean tryOnce(List<String> contexts, Request request, long endNanos) throws IOException {
        NbdClient client = null;
        boolean inOrder = false;
        try {
            client = connections.take(contexts);
            request.run(client);
            inOrder = true;
            return true;
        } catch (OsException e) {
            inOrder = true;
            throw e;
        } catch (IOException e) {
            if (closed || !source.comesBack() || System.nanoTime() - endNanos > 0) {
                throw e;
            }
            return false;
        } finally {
            if (client != null && inOrder) {
                connections.giveBack(client, contexts);
            } else if (client != null) {
                connections.discard(client);
            }
        }
    }

    private static ByteBuffer part(AlignedBuffer buffer, int offset, int length) {
        return buffer.bytes().duplicate().limit(offset + length).position(offset);
    }

    @Override
    public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        perform(List.of(), client -> client.read(offsetBytes, part(dst, dstOffset, lengthBytes)));
    }

    @Override
    public void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        perform(List.of(), client -> client.write(offsetBytes, part(src, srcOffset, lengthBytes)));
    }

    @Override
    public void flush() throws IOException {
        if (writable) {
            perform(List.of(), NbdClient::flush);
        }
    }

    /** On a view: nothing of this range is needed any more. */
    @Override
    public void discard(long offsetBytes, long lengthBytes) throws IOException {
        perform(List.of(), client -> client.trim(offsetBytes, lengthBytes));
    }

    @Override
    public void writeZeroes(long offsetBytes, long lengthBytes) throws IOException {
        perform(List.of(), client -> client.writeZeroes(offsetBytes, lengthBytes));
    }

    @Override
    public void extents(long offsetBytes, long lengthBytes, ExtentVisitor visitor) throws IOException {
        collect(
                ALLOCATION,
                offsetBytes,
                lengthBytes,
                (at, bytes, state) -> visitor.extent(at, bytes, (state & STATE_ZERO) != 0));
    }

    /** The ranges that one of the server's bitmaps names. */
    NbdExport.DirtyContext dirty(String context) {
        return (offset, length, visitor) -> collect(context, offset, length, (at, bytes, state) -> {
            if ((state & STATE_DIRTY) != 0) {
                visitor.dirty(at, bytes);
            }
        });
    }

    private interface Extent {
        void visit(long offsetBytes, long lengthBytes, int state) throws IOException;
    }

    /** A visitor must not see anything twice, so the answer is complete before it sees it. */
    private void collect(String context, long offsetBytes, long lengthBytes, Extent visitor) throws IOException {
        List<long[]> found = new java.util.ArrayList<>();
        perform(List.of(context), client -> {
            found.clear();
            client.blockStatus(
                    context, offsetBytes, lengthBytes, (at, bytes, state) -> found.add(new long[] {at, bytes, state}));
        });
        for (long[] one : found) {
            visitor.visit(one[0], one[1], (int) one[2]);
        }
    }

    @Override
    public void close() throws IOException {
        closed = true;
        connections.close();
        source.close();
    }
}
