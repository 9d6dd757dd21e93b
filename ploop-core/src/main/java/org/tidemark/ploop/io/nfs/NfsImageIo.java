package org.tidemark.ploop.io.nfs;

import java.io.IOException;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.IoCapabilities;

/** One opening of a file. */
final class NfsImageIo implements ImageIo {
    private static final int ZEROS_BYTES = 1 << 20;
    private static final AlignedBuffer ZEROS = AlignedBuffer.allocate(ZEROS_BYTES);

    private final NfsExport export;
    private final NfsFile file;
    private final boolean writable;
    private final AtomicBoolean closed = new AtomicBoolean();

    NfsImageIo(NfsExport export, NfsFile file, boolean writable) {
        this.export = export;
        this.file = file;
        this.writable = writable;
    }

    @Override
    public String name() {
        return file.name();
    }

    @Override
    public IoCapabilities capabilities() {
        return new IoCapabilities(1, false, true);
    }

    @Override
    public boolean writable() {
        return writable;
    }

    @Override
    public long size() {
        return file.size();
    }

    @Override
    public void read(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
        Objects.checkFromIndexSize(dstOffset, length, dst.capacity());
        requireOpen();
        file.read(position, dst, dstOffset, length);
    }

    @Override
    public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        Objects.checkFromIndexSize(srcOffset, length, src.capacity());
        requireWritable();
        file.write(position, src, srcOffset, length);
    }

    @Override
    public void punchHole(long position, long length) throws IOException {
        requireWritable();
        writeZeros(position, Math.min(position + length, file.size()));
    }

    @Override
    public void zero(long position, long length) throws IOException {
        requireWritable();
        writeZeros(position, position + length);
    }

    private void writeZeros(long from, long end) throws IOException {
        for (long at = from; at < end; ) {
            int length = (int) Math.min(ZEROS_BYTES, end - at);
            file.write(at, ZEROS, 0, length);
            at += length;
        }
    }

    @Override
    public void truncate(long sizeBytes) throws IOException {
        requireWritable();
        file.truncate(sizeBytes);
    }

    /** The server does not tell where holes are. */
    @Override
    public void dataExtents(long position, long length, ExtentVisitor visitor) throws IOException {
        long end = Math.min(position + length, file.size());
        if (position < end) {
            visitor.extent(position, end - position);
        }
    }

    @Override
    public void flush() throws IOException {
        if (writable) {
            requireWritable();
            file.flush();
        }
    }

    private void requireOpen() throws IOException {
        if (closed.get()) {
            throw new IOException(name() + " is closed");
        }
    }

    private void requireWritable() throws IOException {
        requireOpen();
        if (!writable) {
            throw new ImageException(ImageException.Kind.READ_ONLY, name() + ": open for reading only");
        }
        file.requireWritable();
    }

    @Override
    public void close() throws IOException {
        if (!closed.getAndSet(true)) {
            export.close(file, writable);
        }
    }

    @Override
    public String toString() {
        return name() + " (NFS)";
    }
}
