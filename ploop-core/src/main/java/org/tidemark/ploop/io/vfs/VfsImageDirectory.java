package org.tidemark.ploop.io.vfs;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.host.HostDirectory;
import org.tidemark.ploop.io.host.HostFile;
import org.tidemark.ploop.os.NativeFile;

/** A folder whose files are read and written through the page cache. */
public final class VfsImageDirectory implements ImageDirectory {
    private final HostDirectory host;

    public VfsImageDirectory(Path folder) throws IOException {
        host = new HostDirectory(folder, new BufferedOpener());
    }

    private static final class BufferedOpener implements HostDirectory.FileOpener {
        @Override
        public int flags() {
            return 0;
        }

        @Override
        public ImageIo wrap(NativeFile file, boolean writable) {
            return new VfsImageIo(new HostFile(file, writable));
        }
    }

    @Override
    public String name() {
        return host.name();
    }

    @Override
    public ImageIo open(String name, OpenMode mode) throws IOException {
        return host.open(name, mode);
    }

    @Override
    public ImageIo create(String name) throws IOException {
        return host.create(name);
    }

    @Override
    public boolean exists(String name) throws IOException {
        return host.exists(name);
    }

    @Override
    public void rename(String from, String to) throws IOException {
        host.rename(from, to);
    }

    @Override
    public void delete(String name) throws IOException {
        host.delete(name);
    }

    @Override
    public String fingerprint(String name) throws IOException {
        return host.fingerprint(name);
    }

    @Override
    public List<String> list() throws IOException {
        return host.list();
    }

    @Override
    public ImageLock lock(String name, boolean exclusive) throws IOException {
        return host.lock(name, exclusive);
    }

    @Override
    public void sync() throws IOException {
        host.sync();
    }
}
