package org.tidemark.ploop.io.vfs;

import java.io.IOException;
import java.nio.file.Path;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.host.HostDirectory;
import org.tidemark.ploop.io.host.HostFile;
import org.tidemark.ploop.os.NativeFile;

/** A folder whose files are read and written through the page cache. */
public final class VfsImageDirectory extends HostDirectory {
    public VfsImageDirectory(Path folder) throws IOException {
        super(folder, new BufferedOpener());
    }

    private static final class BufferedOpener implements HostDirectory.FileOpener {
        @Override
        public int flags() {
            return 0;
        }

        @Override
        public ImageIo wrap(NativeFile file, boolean writable) {
            if (writable) {
                file.dropCleanPages();
            }
            return new VfsImageIo(new HostFile(file, writable));
        }
    }
}
