package org.tidemark.ploop.sim;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;

/**
 * A folder as one process sees it, until that process is killed: from then on every operation throws {@link Killed}. What
 * happened before is there for the next process.
 */
public final class MortalDirectory implements ImageDirectory {
    private final ImageDirectory below;
    private final AtomicLong left = new AtomicLong(Long.MAX_VALUE);

    public MortalDirectory(ImageDirectory below) {
        this.below = below;
    }

    /** So many changes and flushes are still carried out. */
    public void killAfter(long operations) {
        left.set(operations);
    }

    /** Changes and flushes that are still carried out. */
    public long left() {
        return left.get();
    }

    /** Lives for ever. */
    public void spare() {
        left.set(Long.MAX_VALUE);
    }

    private void live() {
        if (left.getAndDecrement() <= 0) {
            left.set(0);
            throw new Killed();
        }
    }

    @Override
    public ImageIo open(String name, OpenMode mode) throws IOException {
        return new MortalIo(below.open(name, mode));
    }

    @Override
    public ImageIo create(String name) throws IOException {
        live();
        return new MortalIo(below.create(name));
    }

    @Override
    public String name() {
        return below.name();
    }

    @Override
    public String fingerprint(String name) throws IOException {
        return below.fingerprint(name);
    }

    @Override
    public boolean exists(String name) throws IOException {
        return below.exists(name);
    }

    @Override
    public void rename(String from, String to) throws IOException {
        live();
        below.rename(from, to);
    }

    @Override
    public void delete(String name) throws IOException {
        live();
        below.delete(name);
    }

    @Override
    public int names(String name) throws IOException {
        return below.names(name);
    }

    @Override
    public void link(String name, ImageDirectory folder, String newName) throws IOException {
        live();
        below.link(name, folder == this ? below : folder, newName);
    }

    @Override
    public List<String> list() throws IOException {
        return below.list();
    }

    @Override
    public ImageLock lock(String name, boolean exclusive) throws IOException {
        return below.lock(name, exclusive);
    }

    @Override
    public void sync() throws IOException {
        live();
        below.sync();
    }

    private final class MortalIo extends ForwardingImageIo {
        MortalIo(ImageIo file) {
            super(file);
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            live();
            below.write(position, src, srcOffset, length);
        }

        @Override
        public void punchHole(long position, long length) throws IOException {
            live();
            below.punchHole(position, length);
        }

        @Override
        public void zero(long position, long length) throws IOException {
            live();
            below.zero(position, length);
        }

        @Override
        public void truncate(long sizeBytes) throws IOException {
            live();
            below.truncate(sizeBytes);
        }

        @Override
        public void flush() throws IOException {
            live();
            below.flush();
        }
    }
}
