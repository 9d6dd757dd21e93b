package org.tidemark.ploop.sim;

import java.io.IOException;
import java.util.Objects;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.IoCapabilities;

/** One open file of a {@link SimulatedDisk}. Using it after closing is an error of the program under test. */
final class SimulatedImageIo implements ImageIo {
    private static final IoCapabilities CAPABILITIES = new IoCapabilities(512, true, false);

    private final SimulatedDisk disk;
    private final SimulatedFile file;
    private final String name;
    private final boolean writable;
    private volatile boolean closed;
    private volatile boolean suspect;

    SimulatedImageIo(SimulatedDisk disk, SimulatedFile file, String name, boolean writable) {
        this.disk = disk;
        this.file = file;
        this.name = name;
        this.writable = writable;
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException(name + " is closed");
        }
    }

    private void requireWritable() throws ImageException {
        requireOpen();
        if (!writable) {
            throw new ImageException(ImageException.Kind.READ_ONLY, name + ": open for reading only");
        }
        if (suspect) {
            throw new ImageException(ImageException.Kind.SUSPECT, name + ": a flush failed earlier");
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public IoCapabilities capabilities() {
        return CAPABILITIES;
    }

    @Override
    public boolean writable() {
        return writable;
    }

    @Override
    public long size() {
        requireOpen();
        return disk.size(file);
    }

    @Override
    public void read(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
        requireOpen();
        Objects.checkFromIndexSize(dstOffset, length, dst.capacity());
        disk.read(file, name, position, dst, dstOffset, length);
    }

    @Override
    public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        requireWritable();
        Objects.checkFromIndexSize(srcOffset, length, src.capacity());
        byte[] bytes = new byte[length];
        src.bytes().get(srcOffset, bytes);
        disk.write(file, name, position, bytes);
    }

    @Override
    public void punchHole(long position, long length) throws IOException {
        requireWritable();
        disk.punch(file, name, position, length);
    }

    @Override
    public void zero(long position, long length) throws IOException {
        requireWritable();
        synchronized (disk) {
            disk.punch(file, name, position, length);
            if (position + length > disk.size(file)) {
                disk.truncate(file, name, position + length);
            }
        }
    }

    @Override
    public void truncate(long sizeBytes) throws IOException {
        requireWritable();
        disk.truncate(file, name, sizeBytes);
    }

    @Override
    public void dataExtents(long position, long length, ExtentVisitor visitor) throws IOException {
        requireOpen();
        disk.dataExtents(file, position, length, visitor);
    }

    @Override
    public void flush() throws IOException {
        requireOpen();
        if (writable) {
            requireWritable();
            try {
                disk.flush(file, name);
            } catch (FaultPlan.PowerOffException e) {
                throw e;
            } catch (IOException e) {
                suspect = true;
                throw e;
            }
        }
    }

    @Override
    public void close() {
        closed = true;
    }
}
