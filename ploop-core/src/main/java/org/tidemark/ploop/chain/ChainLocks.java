package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.handover.DepartureMark;
import org.tidemark.ploop.handover.HandOverFile;
import org.tidemark.ploop.handover.HandOverRecord;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageException;

/**
 * The locks on the files of a chain: the top exclusively when it is to be written, everything below it shared, so that no
 * other process changes what this one reads.
 */
public final class ChainLocks implements HeldLocks {
    private final Map<String, ImageLock> locks = new LinkedHashMap<>();

    private ChainLocks() {}

    /**
     * Takes all locks or none. Throws IN_USE when somebody holds one, READ_ONLY when the top is to be written and belongs to
     * other images too.
     */
    public static ChainLocks take(ChainFiles files, boolean writable) throws IOException {
        if (writable) {
            requireOwn(files.top().directory(), files.top().fileName());
            requireHere(files);
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
            FolderAside.finish(folder, file);
            names = folder.names(file);
        }
        if (names > 1) {
            throw new ImageException(
                    ImageException.Kind.READ_ONLY,
                    folder.name() + "/" + file + " has " + names
                            + " names: other images share it, so it must not change. Make a clone with 'tidemark image"
                            + " clone' and write to that, or a copy of its own with 'tidemark image convert'");
        }
    }

    /** The record beside an image that says which host it belongs to, once it was handed over. */
    static HandOverFile handOver(ChainFiles files) {
        return new HandOverFile(files.directory(), besidePrefix(files) + HandOverFile.FILE_NAME);
    }

    private static String besidePrefix(ChainFiles files) {
        return files.descriptor().isPresent() ? "" : files.top().fileName() + ".";
    }

    /**
     * Nobody may write to an image that was handed over to another host (invariant 10), or is on its way here.
     *
     * @throws ImageException READ_ONLY when it is so
     */
    public static void requireHere(ChainFiles files) throws IOException {
        HandOverRecord record = handOver(files).read();
        boolean departing = new DepartureMark(files.directory(), besidePrefix(files) + DepartureMark.FILE_NAME).isSet();
        String why = departing
                ? "is being handed over to another host just now"
                : switch (record.state()) {
                    case NOTHING, OWNER -> "";
                    case LEAVING ->
                        "is being handed over to another host, which may use it already; it may be used here again when that host says"
                                + " that it does not have it";
                    case GONE -> "was handed over to another host, which has it since; what lies here is old";
                    case AWAITED, REFUSED -> "is on its way from another host, which still has it";
                };
        if (!why.isEmpty()) {
            throw new ImageException(
                    ImageException.Kind.READ_ONLY,
                    files.name() + ": " + why + ". 'tidemark migrations' tells where it is");
        }
    }

    private static ChainLocks lockAll(ChainFiles files, boolean writable) throws IOException {
        ChainLocks taken = new ChainLocks();
        boolean done = false;
        try {
            for (ChainFiles.Link link : files.links()) {
                taken.add(link, writable && link.equals(files.top()));
            }
            done = true;
            return taken;
        } finally {
            if (!done) {
                taken.close();
            }
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
    public void renamed(ChainFiles.Link from, ChainFiles.Link to) {
        ImageLock moved = locks.remove(keyOf(from));
        if (moved != null) {
            gone(locks.put(keyOf(to), moved));
        }
    }

    private static void gone(@Nullable ImageLock lock) {
        if (lock != null) {
            try {
                lock.close();
            } catch (IOException e) {
                // The file has no name any more: nobody can miss its lock.
            }
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
