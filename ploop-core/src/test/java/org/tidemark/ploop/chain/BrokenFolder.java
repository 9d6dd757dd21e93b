package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.IoCapabilities;

/** A folder through which a correct program becomes one with a known fault. */
final class BrokenFolder implements ImageDirectory {
    /** What the program forgets. */
    enum Fault {
        /** No sync of the folder: names are durable in any order. */
        NO_FOLDER_SYNC,
        /** The new descriptor is renamed into place before its text is durable. */
        NO_SYNC_BEFORE_RENAME,
        /** Nothing is written down before a change. */
        NO_INTENT,
        /** Merged data is not made durable before the upper file goes. */
        NO_SYNC_OF_DATA,
        /** What is not needed after the commit goes before it. */
        DELETE_BEFORE_COMMIT
    }

    private final ImageDirectory below;
    private final Fault fault;

    BrokenFolder(ImageDirectory below, Fault fault) {
        this.below = below;
        this.fault = fault;
    }

    private boolean forgotten(String file) {
        return switch (fault) {
            case NO_SYNC_BEFORE_RENAME -> file.startsWith(DiskDescriptor.FILE_NAME);
            case NO_SYNC_OF_DATA -> file.startsWith("root.hdd");
            default -> false;
        };
    }

    private static String hidden(String name) {
        return name.startsWith(ChainIntent.FILE_NAME) ? DiskDescriptor.FILE_NAME + ".tmp" : name;
    }

    private String mapped(String name) {
        return fault == Fault.NO_INTENT ? hidden(name) : name;
    }

    @Override
    public boolean exists(String name) throws IOException {
        return (fault != Fault.NO_INTENT || !name.equals(ChainIntent.FILE_NAME)) && below.exists(mapped(name));
    }

    @Override
    public void rename(String from, String to) throws IOException {
        if (fault == Fault.NO_INTENT && to.equals(ChainIntent.FILE_NAME)) {
            return;
        }
        if (fault == Fault.DELETE_BEFORE_COMMIT && to.equals(DiskDescriptor.FILE_NAME)) {
            for (String file : ChainIntent.read(below).map(ChainIntent::files).orElse(List.of())) {
                DiskDescriptor now = DiskDescriptor.read(below);
                if (now.images().stream().anyMatch(image -> image.file().equals(file))
                        && now.images().size() > 1) {
                    below.delete(file);
                }
            }
        }
        below.rename(from, to);
    }

    @Override
    public void delete(String name) throws IOException {
        if (fault == Fault.NO_INTENT && name.equals(ChainIntent.FILE_NAME)) {
            return;
        }
        below.delete(mapped(name));
    }

    @Override
    public void sync() throws IOException {
        if (fault != Fault.NO_FOLDER_SYNC) {
            below.sync();
        }
    }

    @Override
    public ImageIo open(String name, OpenMode mode) throws IOException {
        return wrapped(name, below.open(name, mode));
    }

    @Override
    public ImageIo create(String name) throws IOException {
        return wrapped(name, below.create(mapped(name)));
    }

    private ImageIo wrapped(String name, ImageIo io) {
        return forgotten(name) ? new WithoutFlush(io) : io;
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
    public int names(String name) throws IOException {
        return below.names(name);
    }

    @Override
    public void link(String name, ImageDirectory folder, String newName) throws IOException {
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

    /** A file whose syncs do nothing. */
    private record WithoutFlush(ImageIo io) implements ImageIo {
        @Override
        public void flush() {
            // Forgotten.
        }

        @Override
        public String name() {
            return io.name();
        }

        @Override
        public IoCapabilities capabilities() {
            return io.capabilities();
        }

        @Override
        public boolean writable() {
            return io.writable();
        }

        @Override
        public long size() throws IOException {
            return io.size();
        }

        @Override
        public void read(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
            io.read(position, dst, dstOffset, length);
        }

        @Override
        public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
            io.write(position, src, srcOffset, length);
        }

        @Override
        public void punchHole(long position, long length) throws IOException {
            io.punchHole(position, length);
        }

        @Override
        public void zero(long position, long length) throws IOException {
            io.zero(position, length);
        }

        @Override
        public void truncate(long sizeBytes) throws IOException {
            io.truncate(sizeBytes);
        }

        @Override
        public void dataExtents(long position, long length, ExtentVisitor visitor) throws IOException {
            io.dataExtents(position, length, visitor);
        }

        @Override
        public void close() throws IOException {
            io.close();
        }
    }
}
