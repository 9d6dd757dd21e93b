package org.tidemark.ploop.sim;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;

/** Any folder, with every file that is opened for writing replaced. */
public class ForwardingDirectory implements ImageDirectory {
    protected final ImageDirectory below;
    private final UnaryOperator<ImageIo> file;

    public ForwardingDirectory(ImageDirectory below, UnaryOperator<ImageIo> file) {
        this.below = below;
        this.file = file;
    }

    @Override
    public ImageIo open(String name, OpenMode mode) throws IOException {
        ImageIo io = below.open(name, mode);
        return mode == OpenMode.READ_WRITE ? file.apply(io) : io;
    }

    @Override
    public ImageIo create(String name) throws IOException {
        return file.apply(below.create(name));
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
    public String identity(String name) throws IOException {
        return below.identity(name);
    }

    @Override
    public long freeBytes() throws IOException {
        return below.freeBytes();
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
    public int names(String name) throws IOException {
        return below.names(name);
    }

    @Override
    public void link(String name, ImageDirectory folder, String newName) throws IOException {
        below.link(name, folder instanceof ForwardingDirectory other ? other.below : folder, newName);
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

    /** A folder in this one, seen in the same way. */
    protected ImageDirectory wrapped(ImageDirectory folder) {
        return new ForwardingDirectory(folder, file);
    }

    @Override
    public ImageDirectory createFolder(String name) throws IOException {
        return wrapped(below.createFolder(name));
    }

    @Override
    public ImageDirectory folder(String name) throws IOException {
        return wrapped(below.folder(name));
    }

    @Override
    public boolean hasFolder(String name) throws IOException {
        return below.hasFolder(name);
    }

    @Override
    public void deleteFolder(String name) throws IOException {
        below.deleteFolder(name);
    }

    @Override
    public void exchange(String file, String folder) throws IOException {
        below.exchange(file, folder);
    }

    @Override
    public Optional<Entry> entry() throws IOException {
        return below.entry().map(entry -> new Entry(wrapped(entry.folder()), entry.name()));
    }
}
