package org.tidemark.ploop.io.host;

import java.io.Closeable;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.OsException;

/** One open file of this host: everything but reading and writing bytes. Safe for use by several threads. */
public final class HostFile implements Closeable {
    private static final int ZEROS_BYTES = 1 << 20;
    private static final AlignedBuffer ZEROS = AlignedBuffer.allocate(ZEROS_BYTES);

    private final NativeFile file;
    private final boolean writable;
    private final AtomicBoolean suspect = new AtomicBoolean();
    private volatile boolean punchesHoles = true;
    private volatile boolean zeroesRanges = true;

    public HostFile(NativeFile file, boolean writable) {
        this.file = file;
        this.writable = writable;
    }

    /** The last range that was found to be data. On tmpfs its end is found by looking at every page before it, so not twice. */
    private record DataRun(long start, long end, long holes) {}

    private volatile DataRun knownData = new DataRun(0, 0, 0);
    /** How often there may have come to be holes. */
    private final AtomicLong holes = new AtomicLong();

    /** Writes zeros the way the I/O module writes; the memory is never changed. */
    @FunctionalInterface
    public interface Writer {
        void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException;
    }

    public NativeFile file() {
        return file;
    }

    public String name() {
        return file.name();
    }

    public boolean writable() {
        return writable;
    }

    public boolean punchesHoles() {
        return punchesHoles;
    }

    public long size() throws IOException {
        return file.size();
    }

    /** Throws unless the file may be changed. */
    public void requireWritable() throws ImageException {
        if (!writable) {
            throw new ImageException(ImageException.Kind.READ_ONLY, name() + ": open for reading only");
        }
        if (suspect.get()) {
            throw new ImageException(
                    ImageException.Kind.SUSPECT,
                    name() + ": a sync failed earlier, so nothing more is written; detach and check the image");
        }
    }

    /** As {@link ImageIo#punchHole}, where the file system can; otherwise false, and nothing has changed. */
    public boolean tryPunchHole(long position, long length) throws IOException {
        requireWritable();
        if (length <= 0) {
            return true;
        }
        if (!punchesHoles) {
            return false;
        }
        try {
            file.punchHole(position, length);
            holes.incrementAndGet();
            return true;
        } catch (OsException e) {
            if (!unsupported(e)) {
                throw e;
            }
            punchesHoles = false;
            return false;
        }
    }

    /** As {@link ImageIo#zero}, where the file system can; otherwise false, and the range is to be written. */
    public boolean tryZero(long position, long length) throws IOException {
        requireWritable();
        if (length <= 0) {
            return true;
        }
        if (!tryZeroRange(position, length) && !tryPunchHole(position, length)) {
            return false;
        }
        long end = position + length;
        if (end > size()) {
            try {
                file.allocate(end - 1, 1);
            } catch (OsException e) {
                if (!unsupported(e)) {
                    throw e;
                }
                return false;
            }
        }
        return true;
    }

    private boolean tryZeroRange(long position, long length) throws IOException {
        if (!zeroesRanges) {
            return false;
        }
        try {
            file.zeroRange(position, length);
            holes.incrementAndGet();
            return true;
        } catch (OsException e) {
            if (!unsupported(e)) {
                throw e;
            }
            zeroesRanges = false;
            return false;
        }
    }

    /** Zeros the long way. */
    public static void writeZeros(long from, long end, Writer writer) throws IOException {
        for (long at = from; at < end; ) {
            int length = (int) Math.min(ZEROS_BYTES, end - at);
            writer.write(at, ZEROS, 0, length);
            at += length;
        }
    }

    private static boolean unsupported(OsException e) {
        return e.errno() == Errno.EOPNOTSUPP || e.errno() == Errno.ENOSYS || e.errno() == Errno.ENODEV;
    }

    public void truncate(long sizeBytes) throws IOException {
        requireWritable();
        file.truncate(sizeBytes);
        holes.incrementAndGet();
    }

    /** As {@link ImageIo#dataExtents}. */
    public void dataExtents(long position, long length, ImageIo.ExtentVisitor visitor) throws IOException {
        long end = Math.min(position + length, size());
        long at = position;
        while (at < end) {
            DataRun data = dataFrom(at, end);
            if (data.start() >= end) {
                return;
            }
            long from = Math.max(at, data.start());
            long stop = Math.min(data.end(), end);
            visitor.extent(from, stop - from);
            at = stop;
        }
    }

    /** The first data at or behind {@code at}; begins at {@code end} or later when there is none before. */
    private DataRun dataFrom(long at, long end) throws IOException {
        long before = holes.get();
        DataRun known = knownData;
        if (known.holes() == before && known.start() <= at && at < known.end()) {
            return known;
        }
        DataRun found;
        try {
            long data = file.nextData(at);
            long hole = data < 0 ? -1 : file.nextHole(data);
            if (data < 0) {
                return new DataRun(end, end, before);
            }
            found = new DataRun(data, hole <= data ? Math.max(end, data + 1) : hole, before);
        } catch (OsException e) {
            if (e.errno() != Errno.EINVAL && !unsupported(e)) {
                throw e;
            }
            return new DataRun(at, end, before);
        }
        knownData = found;
        return found;
    }

    /** As {@link ImageIo#flush}. A file that is open for reading only has nothing to flush. */
    public void flush() throws IOException {
        if (!writable) {
            return;
        }
        requireWritable();
        try {
            file.fdatasync();
        } catch (IOException e) {
            suspect.set(true);
            throw e;
        }
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
