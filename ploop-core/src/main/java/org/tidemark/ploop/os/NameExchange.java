package org.tidemark.ploop.os;

import java.io.IOException;
import java.nio.file.Path;

/** Lets two names of one file system change places in one step: at every moment, also after a crash, each of them is there. */
public final class NameExchange {
    private static final int CURRENT_FOLDER = -100;
    private static final int RENAME_EXCHANGE = 2;

    private NameExchange() {}

    /**
     * {@code renameat2(2)} with {@code RENAME_EXCHANGE}; one may be a file and the other a folder. Durable when the folders
     * of both have been synchronised.
     *
     * @throws OsException {@code EINVAL} where the file system cannot do that (NFS), {@code EXDEV} across file systems
     */
    public static void swap(Path one, Path other) throws IOException {
        int failed = LibC.C.renameat2(
                CURRENT_FOLDER,
                one.toAbsolutePath().toString(),
                CURRENT_FOLDER,
                other.toAbsolutePath().toString(),
                RENAME_EXCHANGE);
        if (failed != 0) {
            throw new OsException("exchange the names of " + one + " and", other.toString(), LibC.errno());
        }
    }
}
