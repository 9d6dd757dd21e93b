package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.IoCapabilities;
import org.tidemark.ploop.sim.ForwardingDirectory;

/** A folder through which a correct program becomes one with a known fault. */
final class BrokenFolder extends ForwardingDirectory {
    /** What the program forgets. */
    enum Fault {
        /** No sync of the folder: names are durable in any order. */
        NO_FOLDER_SYNC,
        /** The new descriptor is renamed into place before its text is durable. */
        NO_SYNC_BEFORE_RENAME,
        /** Nothing is written down before a change. */
        NO_INTENT,
        /** A level is not marked before it is merged, neither in the descriptor nor in an intent. */
        NO_MARK,
        /** Merged data is not made durable before the upper file goes. */
        NO_SYNC_OF_DATA,
        /** What is not needed after the commit goes before it. */
        DELETE_BEFORE_COMMIT
    }

    private final Fault fault;

    BrokenFolder(ImageDirectory below, Fault fault) {
        super(below, file -> file);
        this.fault = fault;
    }

    @Override
    protected ImageDirectory wrapped(ImageDirectory folder) {
        return new BrokenFolder(folder, fault);
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
        return withoutIntent() ? hidden(name) : name;
    }

    private boolean withoutIntent() {
        return fault == Fault.NO_INTENT || fault == Fault.NO_MARK;
    }

    /** Whether the new descriptor names the same levels and files as the present one. */
    private boolean onlyMarks(String from) throws IOException {
        if (fault != Fault.NO_MARK || !from.equals(DiskDescriptor.FILE_NAME + ".tmp")) {
            return false;
        }
        try (ImageIo io = below.open(from, OpenMode.READ_ONLY)) {
            byte[] text = new byte[(int) io.size()];
            AlignedBuffer buffer = AlignedBuffer.allocate(Math.max(1, text.length));
            io.read(0, buffer, 0, text.length);
            buffer.bytes().get(0, text);
            return DiskDescriptor.parse(from, text)
                    .images()
                    .equals(DiskDescriptor.read(below).images());
        }
    }

    @Override
    public boolean exists(String name) throws IOException {
        return (!withoutIntent() || !name.equals(ChainIntent.FILE_NAME)) && below.exists(mapped(name));
    }

    @Override
    public void rename(String from, String to) throws IOException {
        if (withoutIntent() && to.equals(ChainIntent.FILE_NAME)) {
            return;
        }
        if (to.equals(DiskDescriptor.FILE_NAME) && onlyMarks(from)) {
            below.delete(from);
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
        if (withoutIntent() && name.equals(ChainIntent.FILE_NAME)) {
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
