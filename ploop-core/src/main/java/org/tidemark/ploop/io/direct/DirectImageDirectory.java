package org.tidemark.ploop.io.direct;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.host.HostDirectory;
import org.tidemark.ploop.io.host.HostFile;
import org.tidemark.ploop.os.NativeFile;

/** A folder whose files are read and written past the page cache. Throws UNSUPPORTED at open where the file
 * system cannot: the caller then takes {@code vfs}. */
public final class DirectImageDirectory implements ImageDirectory {
    private final HostDirectory host;

    public DirectImageDirectory(Path folder) throws IOException {
        host = new HostDirectory(folder, new DirectOpener());
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
