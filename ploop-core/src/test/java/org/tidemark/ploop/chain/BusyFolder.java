package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.ForwardingImageIo;

/** A folder that lets something else happen before every change of a file: what others do while an operation works. */
final class BusyFolder implements ImageDirectory {
    private final ImageDirectory below;
    private final Others others;

    /** What others do. */
    interface Others {
        void act() throws IOException;
    }

    BusyFolder(ImageDirectory below, Others others) {
        this.below = below;
        this.others = others;
    }

    @Override
    public String name() {
        return below.name();
    }

    @Override
    public ImageIo open(String name, OpenMode mode) throws IOException {
        ImageIo io = below.open(name, mode);
        return mode == OpenMode.READ_WRITE ? new BusyIo(io) : io;
    }

    @Override
    public ImageIo create(String name) throws IOException {
        return new BusyIo(below.create(name));
    }

    @Override
    public boolean exists(String name) throws IOException {
        return below.exists(name);
    }

    @Override
    public void rename(String from, String to) throws IOException {
        below.rename(from, to);
    }

    @Override
    public void delete(String name) throws IOException {
        below.delete(name);
    }

    @Override
    public int names(String name) throws IOException {
        return below.names(name);
    }

    @Override
    public void link(String name, ImageDirectory folder, String newName) throws IOException {
        below.link(name, folder == this ? below : folder, newName);
    }

    @Override
    public String fingerprint(String name) throws IOException {
        return below.fingerprint(name);
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
        below.sync();
    }

    private final class BusyIo extends ForwardingImageIo {
        BusyIo(ImageIo below) {
            super(below);
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            others.act();
            below.write(position, src, srcOffset, length);
        }

        @Override
        public void punchHole(long position, long length) throws IOException {
            others.act();
            below.punchHole(position, length);
        }

        @Override
        public void flush() throws IOException {
            others.act();
            below.flush();
        }
    }
}
