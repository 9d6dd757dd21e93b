package org.tidemark.ploop.sim;

import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.IoCapabilities;

/** Passes everything on; a base for files that are wrong, or watched, in one thing. */
public abstract class ForwardingImageIo implements ImageIo {
    protected final ImageIo below;

    protected ForwardingImageIo(ImageIo below) {
        this.below = below;
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
    public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        below.write(position, src, srcOffset, length);
    }

    @Override
    public void punchHole(long position, long length) throws IOException {
        below.punchHole(position, length);
    }

    @Override
    public void zero(long position, long length) throws IOException {
        below.zero(position, length);
    }

    @Override
    public void truncate(long sizeBytes) throws IOException {
        below.truncate(sizeBytes);
    }

    @Override
    public void dataExtents(long position, long length, ExtentVisitor visitor) throws IOException {
        below.dataExtents(position, length, visitor);
    }

    @Override
    public void flush() throws IOException {
        below.flush();
    }

    @Override
    public void close() throws IOException {
        below.close();
    }
}
