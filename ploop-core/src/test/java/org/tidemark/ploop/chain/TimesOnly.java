package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.ForwardingDirectory;
import org.tidemark.ploop.sim.ForwardingImageIo;

/** A folder whose files have times that only what is written through it changes, as a real one: not what rots. */
final class TimesOnly extends ForwardingDirectory {
    private final Map<String, Integer> times = new HashMap<>();
    private int clock;

    TimesOnly(ImageDirectory below) {
        super(below, file -> file);
    }

    private void touch(String name) {
        times.put(name, ++clock);
    }

    @Override
    public String fingerprint(String name) throws IOException {
        try (ImageIo io = below.open(name, OpenMode.READ_ONLY)) {
            return io.size() + ":" + times.getOrDefault(name, 0);
        }
    }

    @Override
    public void rename(String from, String to) throws IOException {
        super.rename(from, to);
        times.put(to, times.getOrDefault(from, 0));
    }

    @Override
    public ImageIo create(String name) throws IOException {
        touch(name);
        return new Touched(super.create(name), name);
    }

    @Override
    public ImageIo open(String name, OpenMode mode) throws IOException {
        ImageIo io = super.open(name, mode);
        return mode == OpenMode.READ_WRITE ? new Touched(io, name) : io;
    }

    private final class Touched extends ForwardingImageIo {
        private final String name;

        Touched(ImageIo below, String name) {
            super(below);
            this.name = name;
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            touch(name);
            super.write(position, src, srcOffset, length);
        }

        @Override
        public void truncate(long sizeBytes) throws IOException {
            touch(name);
            super.truncate(sizeBytes);
        }

        @Override
        public void punchHole(long position, long length) throws IOException {
            touch(name);
            super.punchHole(position, length);
        }
    }
}
