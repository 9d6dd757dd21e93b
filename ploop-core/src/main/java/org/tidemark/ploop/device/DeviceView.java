package org.tidemark.ploop.device;

import java.io.Closeable;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.concurrent.ArrayBlockingQueue;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.device.cbt.Interval;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;

/**
 * The disk as it was at one instant, for one reader, while the device goes on: copy-before-write in units of a chunk.
 *
 * <p>A <b>full</b> view shows everything; an <b>incremental</b> one only chunks in which something changed in its interval,
 * and reads of others fail. Before a writer changes a needed chunk the old content is read from the device and kept in the
 * scratch; that happens once a chunk. The reader {@linkplain #release releases} what it has read, which ends copying there.
 *
 * <p>If old data cannot be saved (error, scratch full, too slow) the view breaks and every read fails from then on; the
 * write is never held up for it, nor refused.
 *
 * <pre>
 *   state of a chunk, one int:  0 untouched | 1 released | 2 being saved | 3 + slot: saved
 *   reader:  untouched -> read the device -> still untouched? then what was read is the old content, else read the scratch
 *   writer:  untouched -> being saved (one wins) -> read the device, write the scratch -> saved -> write the device
 * </pre>
 */
public final class DeviceView implements BlockDevice {
    /** The unit of copying: a chunk. */
    public static final int CHUNK_BYTES = 64 * 1024;

    /** How the names of views' regions in the state area begin. */
    static final String REGION_PREFIX = "view.";

    private static final int CHUNK_SHIFT = 16;
    private static final int UNTOUCHED = 0;
    private static final int RELEASED = 1;
    private static final int SAVING = 2;
    private static final int SAVED = 3;
    private static final long SAVE_LIMIT_NANOS = 2_000_000_000L;
    private static final int SAVE_BUFFERS = 4;
    private static final VarHandle INT = MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final System.Logger LOG = System.getLogger(DeviceView.class.getName());

    private final String name;
    private final PloopDevice device;
    /** Of the disk at the instant; the device may have become larger since. */
    private final long sizeBytes;

    private final Interval interval;
    private final StateArea area;
    private final String regionName;
    private final AlignedBuffer chunks;
    private final ScratchFile scratch;
    private final ArrayBlockingQueue<AlignedBuffer> buffers = new ArrayBlockingQueue<>(SAVE_BUFFERS);
    private final Object saved = new Object();
    private final Object securing = new Object();
    private volatile boolean secured;
    private volatile ViewState state = ViewState.WHOLE;
    private volatile @Nullable String brokenBecause;

    /** A view of everything or of an interval; the device is quiesced. */
    DeviceView(String name, PloopDevice device, Interval interval, Prepared prepared) {
        this.name = name;
        this.device = device;
        this.sizeBytes = prepared.diskSizeBytes;
        this.interval = interval;
        this.area = prepared.area;
        this.regionName = prepared.regionName;
        this.chunks = prepared.chunks;
        this.scratch = prepared.scratch;
        for (int i = 0; i < SAVE_BUFFERS; i++) {
            buffers.add(prepared.buffers[i]);
        }
    }

    /** What a view needs, made before the device is quiesced. */
    static final class Prepared implements Closeable {
        private final StateArea area;
        private final long diskSizeBytes;
        private final String regionName;
        private final AlignedBuffer chunks;
        private final ScratchFile scratch;
        private final AlignedBuffer[] buffers = new AlignedBuffer[SAVE_BUFFERS];

        Prepared(StateArea area, String viewName, long diskSizeBytes, Path scratchFolder, long scratchLimitBytes)
                throws IOException {
            this.area = area;
            this.diskSizeBytes = diskSizeBytes;
            this.regionName = REGION_PREFIX + viewName;
            long chunkCount = (diskSizeBytes + CHUNK_BYTES - 1) >>> CHUNK_SHIFT;
            this.scratch = new ScratchFile(scratchFolder, CHUNK_BYTES, scratchLimitBytes);
            area.drop(regionName);
            this.chunks = area.region(regionName, Math.toIntExact(chunkCount * 4));
            for (int i = 0; i < SAVE_BUFFERS; i++) {
                buffers[i] = AlignedBuffer.allocate(CHUNK_BYTES);
            }
        }

        long diskSizeBytes() {
            return diskSizeBytes;
        }

        @Override
        public void close() throws IOException {
            scratch.close();
            area.drop(regionName);
        }
    }

    /** The interval whose end this view shows. */
    public Interval interval() {
        return interval;
    }

    public ViewState viewState() {
        return state;
    }

    /** Why the view broke, or null. */
    public @Nullable String brokenBecause() {
        return brokenBecause;
    }

    /** The most that was ever in the scratch, in bytes. */
    public long scratchPeakBytes() {
        return scratch.peakBytes();
    }

    /**
     * Makes what the view shows safe to build upon; called after the thaw, at the latest by the first read.
     *
     * <p>A backup that ships content which only a cache holds, and then a power loss that takes this content back, would
     * leave a recovery point that differs from the disk where the tracker saw no change. So everything the view shows is
     * made durable first (or was changed since, which the tracker knows), and so is the tracker's checkpoint.
     */
    public void secure() throws IOException {
        if (secured) {
            return;
        }
        synchronized (securing) {
            if (!secured) {
                device.flush();
                ChangedBlockTracker tracker = device.tracker();
                if (tracker != null) {
                    tracker.persist();
                }
                secured = true;
            }
        }
    }

    /** Called by every writer, before it writes, for the range it is about to change. Never throws. */
    void beforeWrite(long offsetBytes, long lengthBytes) {
        long last = (Math.min(offsetBytes + lengthBytes, sizeBytes) - 1) >>> CHUNK_SHIFT;
        for (long chunk = offsetBytes >>> CHUNK_SHIFT; chunk <= last && state == ViewState.WHOLE; chunk++) {
            int seen = get(chunk);
            if (seen == UNTOUCHED && needed(chunk) && cas(chunk, UNTOUCHED, SAVING)) {
                save(chunk);
            } else if (get(chunk) == SAVING) {
                awaitSaved(chunk);
            }
        }
    }

    private boolean needed(long chunk) {
        return interval.isFull() || interval.mayHaveChanged(chunk << CHUNK_SHIFT, chunkLength(chunk));
    }

    private int chunkLength(long chunk) {
        return (int) Math.min(CHUNK_BYTES, sizeBytes - (chunk << CHUNK_SHIFT));
    }

    private void save(long chunk) {
        long begun = System.nanoTime();
        AlignedBuffer buffer = takeBuffer();
        int slot = -1;
        try {
            device.readClusters(chunk << CHUNK_SHIFT, buffer, 0, chunkLength(chunk));
            slot = scratch.save(buffer, 0);
            if (slot < 0) {
                breakView("the scratch for old data is full");
            }
        } catch (IOException e) {
            breakView("old data could not be saved: " + e.getMessage());
        } finally {
            buffers.add(buffer);
            set(chunk, slot < 0 ? RELEASED : SAVED + slot);
            synchronized (saved) {
                saved.notifyAll();
            }
        }
        if (System.nanoTime() - begun > SAVE_LIMIT_NANOS) {
            breakView("saving old data took longer than 2 s");
        }
    }

    private AlignedBuffer takeBuffer() {
        boolean interrupted = false;
        while (true) {
            try {
                AlignedBuffer buffer = buffers.take();
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
                return buffer;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
    }

    private void awaitSaved(long chunk) {
        boolean interrupted = false;
        synchronized (saved) {
            while (get(chunk) == SAVING) {
                try {
                    saved.wait(1000);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void breakView(String why) {
        if (state == ViewState.WHOLE) {
            brokenBecause = why;
            state = ViewState.BROKEN;
            LOG.log(System.Logger.Level.WARNING, "view {0} of {1} broke: {2}", name, device.name(), why);
        }
    }

    @Override
    public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        secure();
        int done = 0;
        while (done < lengthBytes) {
            long at = offsetBytes + done;
            long chunk = at >>> CHUNK_SHIFT;
            int inChunk = (int) (at & (CHUNK_BYTES - 1));
            int length = Math.min(CHUNK_BYTES - inChunk, lengthBytes - done);
            readChunk(chunk, inChunk, dst, dstOffset + done, length);
            done += length;
        }
        checkWhole();
    }

    private void readChunk(long chunk, int inChunk, AlignedBuffer dst, int dstOffset, int length) throws IOException {
        while (true) {
            checkWhole();
            int seen = get(chunk);
            if (seen == RELEASED) {
                throw new OsException("reading chunk " + chunk + ", which was released", name, Errno.EINVAL);
            }
            if (seen == SAVING) {
                awaitSaved(chunk);
            } else if (seen >= SAVED) {
                scratch.read(seen - SAVED, inChunk, dst, dstOffset, length);
                if (get(chunk) == seen) {
                    return;
                }
            } else {
                if (!needed(chunk)) {
                    throw new OsException(
                            "reading chunk " + chunk + " outside an incremental view", name, Errno.EINVAL);
                }
                device.readClusters((chunk << CHUNK_SHIFT) + inChunk, dst, dstOffset, length);
                if (get(chunk) == UNTOUCHED) {
                    return;
                }
            }
        }
    }

    /** The reader has what it needs of these chunks (those the range covers as a whole). */
    public void release(long offsetBytes, long lengthBytes) {
        long end = offsetBytes + lengthBytes;
        long beyond = end == sizeBytes ? (end + CHUNK_BYTES - 1) >>> CHUNK_SHIFT : end >>> CHUNK_SHIFT;
        for (long chunk = (offsetBytes + CHUNK_BYTES - 1) >>> CHUNK_SHIFT; chunk < beyond; chunk++) {
            int seen = get(chunk);
            while (seen != RELEASED) {
                if (seen == SAVING) {
                    awaitSaved(chunk);
                } else if (cas(chunk, seen, RELEASED)) {
                    if (seen >= SAVED) {
                        scratch.free(seen - SAVED);
                    }
                    break;
                }
                seen = get(chunk);
            }
        }
    }

    @Override
    public void discard(long offsetBytes, long lengthBytes) {
        release(offsetBytes, lengthBytes);
    }

    @Override
    public void extents(long offsetBytes, long lengthBytes, ExtentVisitor visitor) throws IOException {
        checkWhole();
        ExtentJoiner joiner = new ExtentJoiner(visitor);
        long end = offsetBytes + lengthBytes;
        for (long at = offsetBytes; at < end; ) {
            long chunk = at >>> CHUNK_SHIFT;
            long chunkEnd = Math.min(end, (chunk + 1) << CHUNK_SHIFT);
            boolean[] zero = {true};
            device.extents(at, chunkEnd - at, (o, l, z) -> zero[0] &= z);
            joiner.extent(at, chunkEnd - at, zero[0] && get(chunk) == UNTOUCHED);
            at = chunkEnd;
        }
        joiner.finish();
        checkWhole();
    }

    private void checkWhole() throws IOException {
        if (state == ViewState.BROKEN) {
            throw new OsException("reading a view that broke (" + brokenBecause + ")", name, Errno.ESTALE);
        }
        if (state == ViewState.CLOSED) {
            throw new OsException("reading a view that was closed", name, Errno.EBADF);
        }
    }

    private int get(long chunk) {
        return (int) INT.getVolatile(chunks.bytes(), (int) (chunk << 2));
    }

    private void set(long chunk, int value) {
        INT.setVolatile(chunks.bytes(), (int) (chunk << 2), value);
    }

    private boolean cas(long chunk, int from, int to) {
        return INT.compareAndSet(chunks.bytes(), (int) (chunk << 2), from, to);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public int blockSizeBytes() {
        return device.blockSizeBytes();
    }

    @Override
    public boolean writable() {
        return false;
    }

    @Override
    public DeviceState state() {
        return state == ViewState.CLOSED ? DeviceState.CLOSED : DeviceState.RUNNING;
    }

    @Override
    public void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        throw new OsException("writing to a view", name, Errno.EROFS);
    }

    @Override
    public void flush() {
        // Nothing is ever written.
    }

    @Override
    public void writeZeroes(long offsetBytes, long lengthBytes) throws IOException {
        throw new OsException("writing to a view", name, Errno.EROFS);
    }

    /** Ends copying and gives the scratch back. */
    @Override
    public void close() throws IOException {
        synchronized (this) {
            if (state == ViewState.CLOSED) {
                return;
            }
            state = ViewState.CLOSED;
        }
        device.forgetView(this);
        scratch.close();
        area.drop(regionName);
    }
}
