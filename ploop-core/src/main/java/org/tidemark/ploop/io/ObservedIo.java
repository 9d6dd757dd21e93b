package org.tidemark.ploop.io;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A file whose changes somebody may want to know of. Without an observer it costs one volatile read a change. */
public final class ObservedIo implements ImageIo {
    private final ImageIo file;
    private volatile @Nullable WriteObserver observer;

    public ObservedIo(ImageIo file) {
        this.file = file;
    }

    /**
     * From now on {@code next} is told of every change; null for nobody. Changes under way are told of afterwards only.
     *
     * @throws IllegalStateException when somebody else observes the file
     */
    public synchronized void observe(@Nullable WriteObserver next) {
        if (next != null && observer != null) {
            throw new IllegalStateException(name() + ": is observed already");
        }
        observer = next;
    }

    /** From now on {@code next} is told instead of whoever was, with no change between them that neither hears of. */
    public synchronized void passOn(WriteObserver next) {
        observer = next;
    }

    private void tell(long position, long length) {
        WriteObserver told = observer;
        if (told != null && length > 0) {
            told.changed(position, length);
        }
    }

    @Override
    public String name() {
        return file.name();
    }

    @Override
    public IoCapabilities capabilities() {
        return file.capabilities();
    }

    @Override
    public boolean writable() {
        return file.writable();
    }

    @Override
    public long size() throws IOException {
        return file.size();
    }

    @Override
    public void read(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
        file.read(position, dst, dstOffset, length);
    }

    @Override
    public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        tell(position, length);
        try {
            file.write(position, src, srcOffset, length);
        } finally {
            tell(position, length);
        }
    }

    @Override
    public void punchHole(long position, long length) throws IOException {
        tell(position, length);
        try {
            file.punchHole(position, length);
        } finally {
            tell(position, length);
        }
    }

    @Override
    public void zero(long position, long length) throws IOException {
        tell(position, length);
        try {
            file.zero(position, length);
        } finally {
            tell(position, length);
        }
    }

    @Override
    public void truncate(long sizeBytes) throws IOException {
        long before = file.size();
        long from = Math.min(before, sizeBytes);
        long length = Math.max(before, sizeBytes) - from;
        tell(from, length);
        try {
            file.truncate(sizeBytes);
        } finally {
            tell(from, length);
        }
    }

    @Override
    public void dataExtents(long position, long length, ExtentVisitor visitor) throws IOException {
        file.dataExtents(position, length, visitor);
    }

    @Override
    public void flush() throws IOException {
        file.flush();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
