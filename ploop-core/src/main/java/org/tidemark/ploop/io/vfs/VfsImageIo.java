package org.tidemark.ploop.io.vfs;

import java.io.IOException;
import java.lang.ref.Reference;
import java.util.Objects;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.IoCapabilities;
import org.tidemark.ploop.io.host.HostFile;

/** One file through the page cache. */
final class VfsImageIo implements ImageIo {
    private final HostFile host;
    private final HostFile.Writer writer = this::write;

    VfsImageIo(HostFile host) {
        this.host = host;
    }

    @Override
    public String name() {
        return host.name();
    }

    @Override
    public IoCapabilities capabilities() {
        return new IoCapabilities(1, host.punchesHoles(), false);
    }

    @Override
    public boolean writable() {
        return host.writable();
    }

    @Override
    public long size() throws IOException {
        return host.size();
    }

    @Override
    public void read(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
        Objects.checkFromIndexSize(dstOffset, length, dst.capacity());
        int done = host.file().readAt(dst.address(dstOffset), length, position);
        if (done < length) {
            dst.zero(dstOffset + done, length - done);
        }
        Reference.reachabilityFence(dst);
    }

    @Override
    public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        Objects.checkFromIndexSize(srcOffset, length, src.capacity());
        host.requireWritable();
        host.file().writeAt(src.address(srcOffset), length, position);
        Reference.reachabilityFence(src);
    }

    @Override
    public void punchHole(long position, long length) throws IOException {
        if (!host.tryPunchHole(position, length)) {
            HostFile.writeZeros(position, Math.min(position + length, size()), writer);
        }
    }

    @Override
    public void zero(long position, long length) throws IOException {
        if (!host.tryZero(position, length)) {
            HostFile.writeZeros(position, position + length, writer);
        }
    }

    @Override
    public void truncate(long sizeBytes) throws IOException {
        host.truncate(sizeBytes);
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
        return name() + " (page cache)";
    }
}
