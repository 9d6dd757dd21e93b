package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageException;

/**
 * The locks on the files of a chain: the top exclusively when it is to be written, everything below it shared, so that no
 * other process changes what this one reads.
 */
public final class ChainLocks implements Closeable {
    private final List<ImageLock> locks;

    private ChainLocks(List<ImageLock> locks) {
        this.locks = locks;
    }

    /**
     * Takes all locks or none. Throws IN_USE when somebody holds one, READ_ONLY when the top is to be written and belongs to
     * other images too.
     */
    public static ChainLocks take(ChainFiles files, boolean writable) throws IOException {
        if (writable) {
            requireOwn(files.top().directory(), files.top().fileName());
        }
        return lockAll(files, writable);
    }

    /** Throws IN_USE when somebody has the image open for writing. Nothing is locked on return. */
    public static void requireUnused(ChainFiles files) throws IOException {
        lockAll(files, true).close();
    }

    /** Throws READ_ONLY when a file is part of several images: who writes to it changes all of them. */
    public static void requireOwn(ImageDirectory folder, String file) throws IOException {
        int names = folder.names(file);
        if (names > 1) {
            throw new ImageException(
                    ImageException.Kind.READ_ONLY,
                    folder.name() + "/" + file + " has " + names
                            + " names: other images share it, so it must not change. Make a clone with 'tidemark image"
                            + " clone' and write to that, or a copy of its own with 'tidemark image convert'");
        }
    }

    private static ChainLocks lockAll(ChainFiles files, boolean writable) throws IOException {
        ChainLocks taken = new ChainLocks(new ArrayList<>());
        try {
            for (ChainFiles.Link link : files.links()) {
                boolean exclusive = writable && link.equals(files.top());
                taken.locks.add(link.directory().lock(link.fileName(), exclusive));
            }
            return taken;
        } catch (IOException e) {
            taken.close();
            throw e;
        }
    }

    /** Base first. Their descriptors may be handed to another process, which then holds them too. */
    public List<ImageLock> locks() {
        return List.copyOf(locks);
    }

    @Override
    public void close() throws IOException {
        for (ImageLock lock : locks) {
            lock.close();
        }
    }
}
