package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageException;

/**
 * The locks on the files of a chain: the top exclusively when it is to be written, everything below it shared, so that no
 * other process changes what this one reads.
 */
public final class ChainLocks implements HeldLocks {
    private final Map<String, ImageLock> locks = new LinkedHashMap<>();

    private ChainLocks() {}

    /** Takes all locks or none. Throws IN_USE when somebody holds one. */
    public static ChainLocks take(ChainFiles files, boolean writable) throws IOException {
        ChainLocks taken = new ChainLocks();
        try {
            for (ChainFiles.Link link : files.links()) {
                taken.add(link, writable && link.equals(files.top()));
            }
            return taken;
        } catch (IOException e) {
            taken.close();
            throw e;
        }
    }

    /** What tells the lock of one file of a chain from those of the others: its path. */
    public static String keyOf(ChainFiles.Link link) {
        return link.directory().name() + "/" + link.fileName();
    }

    /** Refuses with words that say what to do about it. */
    static ImageException inUse(ChainFiles.Link link) {
        return new ImageException(
                ImageException.Kind.IN_USE,
                keyOf(link) + " is read by somebody else, perhaps because a snapshot above it is mounted; unmount that"
                        + " first");
    }

    /** Base first, as far as they were taken together. Their descriptors may be handed to another process. */
    public List<ImageLock> locks() {
        return List.copyOf(locks.values());
    }

    @Override
    public void add(ChainFiles.Link link, boolean exclusive) throws IOException {
        locks.put(keyOf(link), link.directory().lock(link.fileName(), exclusive));
    }

    @Override
    public void convert(ChainFiles.Link link, boolean exclusive) throws IOException {
        ImageLock held = locks.get(keyOf(link));
        if (held != null && !held.convert(exclusive)) {
            throw inUse(link);
        }
    }

    @Override
    public void remove(ChainFiles.Link link) throws IOException {
        ImageLock held = locks.remove(keyOf(link));
        if (held != null) {
            held.close();
        }
    }

    @Override
    public void close() throws IOException {
        for (ImageLock lock : locks.values()) {
            lock.close();
        }
        locks.clear();
    }
}
