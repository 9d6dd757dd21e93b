package org.tidemark.ploop.migrate;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.NativeFile;

/**
 * A file that is being received. Until it is whole and durable it has the name {@code FILE.tidemark-partial}, and a lock that says
 * that somebody is at it; then it gets its own name, which never replaces another file.
 *
 * <pre>
 *   data | fdatasync | link to the name, fails if there is one | fsync of the folder | the partial name goes | fsync of the folder
 * </pre>
 */
final class PartialFile implements Closeable {
    private static final String SUFFIX = ".tidemark-partial";

    private final Path file;
    private final Path partial;
    private final NativeFile open;
    private boolean kept;

    private PartialFile(Path file, Path partial, NativeFile open) {
        this.file = file;
        this.partial = partial;
        this.open = open;
    }

    /**
     * Takes the name; what a killed receiver left there is gone on.
     *
     * @throws FileAlreadyExistsException when there is a file of that name
     * @throws ImageException IN_USE while somebody else receives it
     */
    static PartialFile at(Path file) throws IOException {
        Path whole = file.toAbsolutePath();
        requireNone(whole);
        Path parent = whole.getParent();
        if (parent == null || !Files.isDirectory(parent)) {
            throw new NoSuchFileException(whole + ": there is no folder " + parent);
        }
        Path partial = parent.resolve(whole.getFileName() + SUFFIX);
        NativeFile open =
                NativeFile.open(partial, NativeFile.READ_WRITE | NativeFile.CREATE | NativeFile.NO_FOLLOW, 0600);
        boolean done = false;
        try {
            if (!open.tryLock(true)) {
                throw new ImageException(ImageException.Kind.IN_USE, whole + ": is being received by another process");
            }
            done = true;
            return new PartialFile(whole, partial, open);
        } finally {
            if (!done) {
                open.close();
            }
        }
    }

    private static void requireNone(Path file) throws IOException {
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new FileAlreadyExistsException(file + ": there is such a file; give a new name");
        }
    }

    Path file() {
        return file;
    }

    /** A name for what has to be known to go on with it. */
    Path beside() {
        return partial.resolveSibling(partial.getFileName() + ".state");
    }

    void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        open.writeAt(src.address(srcOffset), length, position);
    }

    /** The range reads as zeros. */
    void zero(long position, long length) throws IOException {
        if (position + length > open.size()) {
            open.truncate(position + length);
        }
        open.punchHole(position, length);
    }

    void truncate(long sizeBytes) throws IOException {
        open.truncate(sizeBytes);
    }

    /** What was written is durable on return. */
    void sync() throws IOException {
        open.fdatasync();
    }

    /** Gives it its name; durable on return. */
    void finish() throws IOException {
        sync();
        try {
            Files.createLink(file, partial);
        } catch (FileAlreadyExistsException e) {
            requireNone(file);
            throw e;
        }
        syncFolder();
        Files.delete(partial);
        Files.deleteIfExists(beside());
        syncFolder();
        kept = true;
    }

    /** It stays as it is, for another try. */
    void keep() {
        kept = true;
    }

    private void syncFolder() throws IOException {
        try (NativeFile folder =
                NativeFile.open(partial.resolveSibling("."), NativeFile.READ_ONLY | NativeFile.DIRECTORY, 0)) {
            folder.fsync();
        }
    }

    /** Removes it, unless it has its name or is kept. */
    @Override
    public void close() throws IOException {
        try (NativeFile closing = open) {
            if (!kept) {
                Files.deleteIfExists(partial);
                Files.deleteIfExists(beside());
            }
        }
    }
}
