package org.tidemark.ploop.io.direct;

import java.io.IOException;
import java.nio.file.Path;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.host.HostDirectory;
import org.tidemark.ploop.io.host.HostFile;
import org.tidemark.ploop.os.NativeFile;

/** A folder whose files are read and written past the page cache. Throws UNSUPPORTED at open where the file
 * system cannot: the caller then takes {@code vfs}. */
public final class DirectImageDirectory extends HostDirectory {
    public DirectImageDirectory(Path folder) throws IOException {
        super(folder, new DirectOpener());
    }

    private static final class DirectOpener implements HostDirectory.FileOpener {
        @Override
        public int flags() {
            return NativeFile.DIRECT;
        }

        @Override
        public ImageIo wrap(NativeFile file, boolean writable) throws IOException {
            try {
                return new DirectImageIo(new HostFile(file, writable), DirectAlignment.of(file));
            } catch (IOException e) {
                file.close();
                throw e;
            }
        }
    }
}
