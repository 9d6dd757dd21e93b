package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.NativeFile;

/**
 * Keeps a name for whoever makes an image there: the second one is refused, also in another process. It is a locked file beside
 * the name; one that a crash left is locked by nobody, and taken by the next who comes.
 */
final class DestinationClaim implements Closeable {
    private static final String SUFFIX = ".tidemark-claim";

    private final Path mark;
    private final NativeFile file;

    private DestinationClaim(Path mark, NativeFile file) {
        this.mark = mark;
        this.file = file;
    }

    /** {@code destination} is absolute and its folder exists. */
    static DestinationClaim take(Path destination) throws IOException {
        Path mark = destination.resolveSibling(destination.getFileName() + SUFFIX);
        while (true) {
            NativeFile file = NativeFile.open(mark, NativeFile.READ_WRITE | NativeFile.CREATE, 0600);
            boolean mine = false;
            try {
                if (!file.tryLock(true)) {
                    throw new ImageException(
                            ImageException.Kind.IN_USE,
                            destination
                                    + " is just being made by somebody else; wait for that, or choose another name");
                }
                // Between open and lock its last owner may have removed it.
                mine = isAt(file, mark);
                if (mine) {
                    return new DestinationClaim(mark, file);
                }
            } finally {
                if (!mine) {
                    file.close();
                }
            }
        }
    }

    private static boolean isAt(NativeFile file, Path mark) throws IOException {
        try {
            return Files.isSameFile(mark, Path.of("/proc/self/fd/" + file.fd()));
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    @Override
    public void close() throws IOException {
        try {
            Files.deleteIfExists(mark);
        } finally {
            file.close();
        }
    }
}
