package org.tidemark.ploop.sim;

import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;

/**
 * Any folder, with every image that is opened for writing watched: expanded ones by {@link OrderCheckedImageIo}, qcow2 ones by
 * {@link Qcow2OrderCheck}.
 */
public final class OrderCheckedDirectory implements ImageDirectory {
    private final ImageDirectory below;

    public OrderCheckedDirectory(ImageDirectory below) {
        this.below = below;
    }

    @Override
    public ImageIo open(String name, OpenMode mode) throws IOException {
        ImageIo io = below.open(name, mode);
        return mode == OpenMode.READ_WRITE ? Qcow2OrderCheck.watch(OrderCheckedImageIo.watch(io)) : io;
    }

    @Override
    public ImageIo create(String name) throws IOException {
        return below.create(name);
    }

    @Override
    public String name() {
        return below.name();
    }

    @Override
    public boolean exists(String name) throws IOException {
        return below.exists(name);
    }

    @Override
    public void rename(String from, String to) throws IOException {
        below.rename(from, to);
    }

    @Override
    public void delete(String name) throws IOException {
        below.delete(name);
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

    @Override
    public void sync() throws IOException {
        below.sync();
    }
}
