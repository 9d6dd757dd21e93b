package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainFiles.Link;
import org.tidemark.ploop.chain.ChainLocks;
import org.tidemark.ploop.chain.HeldLocks;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.NativeFile;

/**
 * The locks of an image in use, each kept by the holder too, under the path of its file: so the successor of a killed server
 * finds the lock of every file that it finds in the descriptor, whatever chain there was before.
 */
final class KeptLocks implements HeldLocks {
    private static final String LOCK = "lock-";

    private final DescriptorKeeper keeper;
    private final Map<String, Held> locks = new LinkedHashMap<>();

    private KeptLocks(DescriptorKeeper keeper) {
        this.keeper = keeper;
    }

    /** A lock of this process, or one that came from a predecessor through the holder. */
    private interface Held {
        boolean convert(boolean exclusive) throws IOException;

        void close() throws IOException;
    }

    /** Locks every file of a chain anew, as {@link ChainLocks#take} does. */
    static KeptLocks take(ChainFiles files, boolean writable, DescriptorKeeper keeper) throws IOException {
        if (writable) {
            ChainLocks.requireOwn(files.top().directory(), files.top().fileName());
        }
        return new KeptLocks(keeper).fill(files, writable, false);
    }

    /** The predecessor's locks. Whatever is not there is locked anew. */
    static KeptLocks takeOver(ChainFiles files, boolean writable, DescriptorKeeper keeper) throws IOException {
        return new KeptLocks(keeper).fill(files, writable, true);
    }

    private KeptLocks fill(ChainFiles files, boolean writable, boolean takeOver) throws IOException {
        boolean done = false;
        try {
            for (Link link : files.links()) {
                if (!takeOver || !adopt(link)) {
                    add(link, writable && link.equals(files.top()));
                }
            }
            done = true;
            return this;
        } finally {
            if (!done) {
                letGo(!takeOver);
            }
        }
    }

    private boolean adopt(Link link) throws IOException {
        Optional<NativeFile> kept = keeper.take(nameOf(link));
        if (kept.isEmpty()) {
            return false;
        }
        NativeFile file = kept.get();
        locks.put(ChainLocks.keyOf(link), new Held() {
            @Override
            public boolean convert(boolean exclusive) throws IOException {
                return file.tryLock(exclusive);
            }

            @Override
            public void close() throws IOException {
                file.close();
            }
        });
        return true;
    }

    private static String nameOf(Link link) {
        return nameOf(ChainLocks.keyOf(link));
    }

    /** A path may be long, and the names of all locks must fit into one message. */
    private static String nameOf(String key) {
        return LOCK + UUID.nameUUIDFromBytes(key.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public void add(Link link, boolean exclusive) throws IOException {
        ImageLock lock = link.directory().lock(link.fileName(), exclusive);
        locks.put(ChainLocks.keyOf(link), new Held() {
            @Override
            public boolean convert(boolean wanted) throws IOException {
                return lock.convert(wanted);
            }

            @Override
            public void close() throws IOException {
                lock.close();
            }
        });
        keeper.keep(nameOf(link), NativeFile.adopt(lock.descriptor(), nameOf(link)));
    }

    @Override
    public void convert(Link link, boolean exclusive) throws IOException {
        Held held = locks.get(ChainLocks.keyOf(link));
        if (held != null && !held.convert(exclusive)) {
            throw new ImageException(
                    ImageException.Kind.IN_USE,
                    ChainLocks.keyOf(link) + " is read by somebody else, perhaps because a snapshot above it is"
                            + " mounted; unmount that first");
        }
    }

    @Override
    public void remove(Link link) throws IOException {
        Held held = locks.remove(ChainLocks.keyOf(link));
        if (held != null) {
            held.close();
            keeper.forget(nameOf(link));
        }
    }

    @Override
    public void close() throws IOException {
        letGo(true);
    }

    private void letGo(boolean forget) throws IOException {
        for (Map.Entry<String, Held> entry : locks.entrySet()) {
            entry.getValue().close();
            if (forget) {
                keeper.forget(nameOf(entry.getKey()));
            }
        }
        locks.clear();
    }
}
