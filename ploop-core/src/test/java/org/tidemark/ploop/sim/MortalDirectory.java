package org.tidemark.ploop.sim;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;

/**
 * A folder as one process sees it, until that process is killed: from then on every operation throws {@link Killed}. What
 * happened before is there for the next process.
 */
public final class MortalDirectory extends ForwardingDirectory {
    private final AtomicLong left;

    public MortalDirectory(ImageDirectory below) {
        this(below, new AtomicLong(Long.MAX_VALUE));
    }

    private MortalDirectory(ImageDirectory below, AtomicLong left) {
        super(below, file -> file);
        this.left = left;
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
    protected ImageDirectory wrapped(ImageDirectory folder) {
        return new MortalDirectory(folder, left);
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
    public void link(String name, ImageDirectory folder, String newName) throws IOException {
        live();
        super.link(name, folder, newName);
    }

    @Override
    public ImageDirectory createFolder(String name) throws IOException {
        live();
        return super.createFolder(name);
    }

    @Override
    public void deleteFolder(String name) throws IOException {
        live();
        below.deleteFolder(name);
    }

    @Override
    public void exchange(String file, String folder) throws IOException {
        live();
        below.exchange(file, folder);
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
