package org.tidemark.ploop.io.direct;

import java.io.IOException;
import java.lang.ref.Reference;
import java.util.Objects;
import java.util.concurrent.locks.StampedLock;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.IoCapabilities;
import org.tidemark.ploop.io.host.HostFile;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.OsException;

/** One file past the page cache. */
final class DirectImageIo implements ImageIo {
    private static final int BOUNCE_BYTES = 128 * 1024;

    private final HostFile host;
    private final NativeFile file;
    private final int alignmentBytes;
    private final HostFile.Writer zeroWriter = this::write;

    /** Shared: changes of whole blocks. Exclusive: a slow write, from reading its edge blocks to writing them. */
    private final StampedLock changes = new StampedLock();

    /** Guards the bounce buffer; taken after {@link #changes}. */
    private final Object bounceMonitor = new Object();

    private @Nullable AlignedBuffer bounce;

    DirectImageIo(HostFile host, int alignmentBytes) {
        this.host = host;
        this.file = host.file();
        this.alignmentBytes = alignmentBytes;
    }

    @Override
    public String name() {
        return host.name();
    }

    @Override
    public IoCapabilities capabilities() {
        return new IoCapabilities(alignmentBytes, host.punchesHoles(), true);
    }

    @Override
    public boolean writable() {
        return host.writable();
    }

    @Override
    public long size() throws IOException {
        return host.size();
    }

    private boolean aligned(long position, long address, int length) {
        return ((position | address | length) & (alignmentBytes - 1)) == 0;
    }

    @Override
    public void read(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
        Objects.checkFromIndexSize(dstOffset, length, dst.capacity());
        if (aligned(position, dst.address(dstOffset), length)) {
            readBlocks(position, dst, dstOffset, length);
            return;
        }
        synchronized (bounceMonitor) {
            AlignedBuffer window = bounce();
            int done = 0;
            while (done < length) {
                long at = position + done;
                long start = at & -alignmentBytes;
                int skip = (int) (at - start);
                int take = Math.min(length - done, BOUNCE_BYTES - skip);
                readBlocks(start, window, 0, roundUp(skip + take));
                dst.copyFrom(window, skip, dstOffset + done, take);
                done += take;
            }
        }
    }

    /** Reads whole blocks; a direct read comes back short, off the block grid, only at the end of the file. */
    private void readBlocks(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
        int done = 0;
        while (done < length) {
            int n = file.readOnceAt(dst.address(dstOffset + done), length - done, position + done);
            if (n == -Errno.EINTR) {
                continue;
            }
            if (n < 0) {
                throw new OsException("pread of " + length + " bytes at " + position, name(), -n);
            }
            done += n;
            if (n == 0 || (done & (alignmentBytes - 1)) != 0) {
                dst.zero(dstOffset + done, length - done);
                break;
            }
        }
        Reference.reachabilityFence(dst);
    }

    @Override
    public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        Objects.checkFromIndexSize(srcOffset, length, src.capacity());
        host.requireWritable();
        if (aligned(position, src.address(srcOffset), length)) {
            long stamp = changes.readLock();
            try {
                file.writeAt(src.address(srcOffset), length, position);
            } finally {
                changes.unlockRead(stamp);
            }
            Reference.reachabilityFence(src);
            return;
        }
        long stamp = changes.writeLock();
        try {
            writeLocked(position, src, srcOffset, length);
        } finally {
            changes.unlockWrite(stamp);
        }
    }

    /** Writes any range. The caller holds {@link #changes} exclusively. */
    private void writeLocked(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        synchronized (bounceMonitor) {
            AlignedBuffer window = bounce();
            int done = 0;
            while (done < length) {
                long at = position + done;
                long start = at & -alignmentBytes;
                int skip = (int) (at - start);
                int take = Math.min(length - done, BOUNCE_BYTES - skip);
                int windowBytes = roundUp(skip + take);
                if (skip != 0) {
                    readBlocks(start, window, 0, alignmentBytes);
                }
                int lastBlock = windowBytes - alignmentBytes;
                if (skip + take != windowBytes && (lastBlock > 0 || skip == 0)) {
                    readBlocks(start + lastBlock, window, lastBlock, alignmentBytes);
                }
                window.copyFrom(src, srcOffset + done, skip, take);
                long wantedSize = Math.max(size(), at + take);
                file.writeAt(window.address(0), windowBytes, start);
                if (start + windowBytes > wantedSize) {
                    file.truncate(wantedSize);
                }
                done += take;
            }
            Reference.reachabilityFence(window);
        }
    }

    private int roundUp(int length) {
        return (length + alignmentBytes - 1) & -alignmentBytes;
    }

    private AlignedBuffer bounce() {
        AlignedBuffer window = bounce;
        if (window == null) {
            window = AlignedBuffer.allocate(BOUNCE_BYTES);
            bounce = window;
        }
        return window;
    }

    @Override
    public void punchHole(long position, long length) throws IOException {
        boolean done;
        long stamp = changes.readLock();
        try {
            done = host.tryPunchHole(position, length);
        } finally {
            changes.unlockRead(stamp);
        }
        if (!done) {
            HostFile.writeZeros(position, Math.min(position + length, size()), zeroWriter);
        }
    }

    @Override
    public void zero(long position, long length) throws IOException {
        boolean done;
        long stamp = changes.readLock();
        try {
            done = host.tryZero(position, length);
        } finally {
            changes.unlockRead(stamp);
        }
        if (!done) {
            HostFile.writeZeros(position, position + length, zeroWriter);
        }
    }

    @Override
    public void truncate(long sizeBytes) throws IOException {
        long stamp = changes.writeLock();
        try {
            host.truncate(sizeBytes);
        } finally {
            changes.unlockWrite(stamp);
        }
    }

    @Override
    public void dataExtents(long position, long length, ExtentVisitor visitor) throws IOException {
        host.dataExtents(position, length, visitor);
    }

    @Override
    public void flush() throws IOException {
        host.flush();
    }

    @Override
    public void close() throws IOException {
        host.close();
    }

    @Override
    public String toString() {
        return name() + " (direct, blocks of " + alignmentBytes + ")";
    }
}
