package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;

/**
 * The locks on the files of a chain: the top exclusively when it is to be written, everything below it shared, so that no
 * other process changes what this one reads.
 */
public final class ChainLocks implements Closeable {
    private final List<ImageLock> locks;

    private ChainLocks(List<ImageLock> locks) {
        this.locks = locks;
    }

    /** Takes all locks or none. Throws IN_USE when somebody holds one. */
    public static ChainLocks take(ChainFiles files, boolean writable) throws IOException {
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
