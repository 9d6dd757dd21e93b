package org.tidemark.ploop.server;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
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
import org.tidemark.ploop.io.host.HostDirectory;
import org.tidemark.ploop.os.NativeFile;

/**
 * The locks of an image in use, each kept by the holder too, under what tells its file from every other, whatever it is called
 * (device and inode): so the successor of a killed server finds the lock of every file that it finds in the chain, whatever
 * chain there was before.
 */
final class KeptLocks implements HeldLocks {
    private static final System.Logger LOG = System.getLogger(KeptLocks.class.getName());

    private static final String LOCK = "lock-";

    private final DescriptorKeeper keeper;
    private final Map<String, Held> locks = new LinkedHashMap<>();

    private KeptLocks(DescriptorKeeper keeper) {
        this.keeper = keeper;
    }

    /** A lock of this process, or one that came from a predecessor through the holder. */
    private interface Held {
        /** What the holder calls it; empty when the holder does not keep it. */
        Optional<String> name();

        boolean convert(boolean exclusive) throws IOException;

        void close() throws IOException;
    }

    /** Locks every file of a chain anew, as {@link ChainLocks#take} does. */
    static KeptLocks take(ChainFiles files, boolean writable, DescriptorKeeper keeper) throws IOException {
        if (writable) {
            ChainLocks.requireOwn(files.top().directory(), files.top().fileName());
            ChainLocks.requireHere(files);
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
        Optional<String> named = nameOf(link);
        if (named.isEmpty()) {
            return false;
        }
        String byFile = named.get();
        // A predecessor of an earlier version kept it under the path.
        String byPath = LOCK + UUID.nameUUIDFromBytes(ChainLocks.keyOf(link).getBytes(StandardCharsets.UTF_8));
        Optional<NativeFile> kept = keeper.take(byFile);
        String name = kept.isPresent() ? byFile : byPath;
        if (kept.isEmpty()) {
            kept = keeper.take(byPath);
        }
        if (kept.isEmpty()) {
            return false;
        }
        NativeFile file = kept.get();
        locks.put(ChainLocks.keyOf(link), new Held() {
            @Override
            public Optional<String> name() {
                return Optional.of(name);
            }

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

    /**
     * What the holder calls it; short, because the names of all locks must fit into one message. Empty for a file that is not
     * of this host: there a lock is a record that the successor of a process that ended takes over by itself.
     */
    private static Optional<String> nameOf(Link link) throws IOException {
        if (!(link.directory() instanceof HostDirectory folder)) {
            return Optional.empty();
        }
        Path file = folder.folder().resolve(link.fileName());
        String key = String.valueOf(
                Files.readAttributes(file, BasicFileAttributes.class).fileKey());
        return Optional.of(LOCK + UUID.nameUUIDFromBytes(key.getBytes(StandardCharsets.UTF_8)));
    }

    @Override
    public void add(Link link, boolean exclusive) throws IOException {
        ImageLock lock = link.directory().lock(link.fileName(), exclusive);
        Optional<String> name = nameOf(link);
        locks.put(ChainLocks.keyOf(link), new Held() {
            @Override
            public Optional<String> name() {
                return name;
            }

            @Override
            public boolean convert(boolean wanted) throws IOException {
                return lock.convert(wanted);
            }

            @Override
            public void close() throws IOException {
                lock.close();
            }
        });
        if (name.isPresent()) {
            keeper.keep(name.get(), NativeFile.adopt(lock.descriptor(), name.get()));
        }
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
            forget(held);
        }
    }

    @Override
    public void renamed(Link from, Link to) {
        Held moved = locks.remove(ChainLocks.keyOf(from));
        Held gone = moved == null ? null : locks.put(ChainLocks.keyOf(to), moved);
        if (gone != null) {
            try {
                gone.close();
                forget(gone);
            } catch (IOException e) {
                LOG.log(System.Logger.Level.WARNING, "the lock of a file that is gone is kept: " + gone.name(), e);
            }
        }
    }

    private void forget(Held held) throws IOException {
        if (held.name().isPresent()) {
            keeper.forget(held.name().get());
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
                forget(entry.getValue());
            }
        }
        locks.clear();
    }
}
