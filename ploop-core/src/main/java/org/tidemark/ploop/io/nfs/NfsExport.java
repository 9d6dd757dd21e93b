package org.tidemark.ploop.io.nfs;

import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.io.nfs.NfsConnections.Gate;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.NfsAttributes;
import org.tidemark.ploop.os.nfs.NfsHandle;

/** What all folders of one export have in common: connections, open files, locks. */
final class NfsExport implements Closeable {
    /** What the names of this package's own files begin with. */
    static final String OWN = ".tidemark-nfs-";

    private static final int FILE_MODE = 0600;
    private static final long LOOK_AGAIN_MILLIS = 1000;

    private final String name;
    private final NfsConnections connections;
    private final NfsImageSettings settings;
    private final KeptMemory memory;
    private final NfsClock clock;
    private final RandomGenerator random;
    private final NfsNames names;
    private final OwnNames ownNames;
    private final NfsLocks locks;

    /** Guards what follows, and names that may be those of open files. Taken before any monitor of a file. */
    private final Object filesMonitor = new Object();

    private final Map<FileId, Opened> files = new HashMap<>();

    /** A file and how often it is open. */
    private static final class Opened {
        final NfsFile file;
        /** Names that keep a file whose own name is gone. */
        final List<String> gone = new ArrayList<>();

        int users;
        /** How many of them may write: only they change its size. */
        int writers;
        /** Nobody has it open any more, and its end is under way outside of the monitor. */
        boolean ending;

        Opened(NfsFile file) {
            this.file = file;
        }
    }

    NfsExport(
            String name,
            NfsConnections connections,
            NfsImageSettings settings,
            KeptMemory memory,
            NfsClock clock,
            RandomGenerator random,
            OwnerProcesses processes) {
        this.name = name;
        this.connections = connections;
        this.settings = settings;
        this.memory = memory;
        this.clock = clock;
        this.random = random;
        this.names = new NfsNames(connections, clock, memory);
        this.ownNames = new OwnNames(this, processes, random);
        this.locks = new NfsLocks(this, processes);
    }

    /** What messages call it: server and export. */
    String name() {
        return name;
    }

    NfsConnections connections() {
        return connections;
    }

    NfsImageSettings settings() {
        return settings;
    }

    KeptMemory memory() {
        return memory;
    }

    NfsClock clock() {
        return clock;
    }

    NfsNames names() {
        return names;
    }

    OwnNames ownNames() {
        return ownNames;
    }

    NfsLocks locks() {
        return locks;
    }

    /** What every change goes through. */
    Gate gate() {
        return locks;
    }

    String fresh(String folder, String kind) {
        return join(folder, kind + Long.toHexString(random.nextLong()));
    }

    /** A number for a series of locks that is never used again. */
    long freshSeries() {
        long series = 0;
        while (series == 0) {
            series = random.nextLong();
        }
        return series;
    }

    static String join(String folder, String element) {
        return folder.equals("/") ? "/" + element : folder + "/" + element;
    }

    NfsAttributes attributes(String path) throws IOException {
        try {
            return connections.call(Gate.OPEN, (link, again) -> link.client().attributes(path));
        } catch (OsException e) {
            throw named(e, path);
        }
    }

    @Nullable
    NfsAttributes attributesOrNull(String path) throws IOException {
        try {
            return attributes(path);
        } catch (NoSuchFileException e) {
            return null;
        }
    }

    /** The exception that callers expect. */
    IOException named(OsException e, String path) {
        return switch (e.errno()) {
            case Errno.ENOENT -> new NoSuchFileException(name + path);
            case Errno.EEXIST -> new FileAlreadyExistsException(name + path);
            default -> e;
        };
    }

    NfsImageIo open(String path, boolean writable) throws IOException {
        NfsAttributes found = attributes(path);
        if (!found.regular()) {
            throw new ImageException(ImageException.Kind.NOT_AN_IMAGE, name + path + " is not a file");
        }
        try {
            NfsHandle handle =
                    connections.call(Gate.OPEN, (link, again) -> link.client().open(path));
            return open(path, handle, writable, false);
        } catch (OsException e) {
            throw named(e, path);
        }
    }

    private NfsImageIo open(String path, NfsHandle handle, boolean writable, boolean created) throws IOException {
        NfsAttributes attributes =
                connections.call(Gate.OPEN, (link, again) -> link.client().attributes(handle));
        FileId id = FileId.of(attributes);
        NfsFile file;
        synchronized (filesMonitor) {
            Opened opened = inUse(id);
            if (opened == null) {
                if (created) {
                    memory.drop(NfsFile.regionOf(id)); // Of one that had this number before.
                }
                opened = new Opened(new NfsFile(this, handle, id, name + path, sizeBytes(handle)));
                files.put(id, opened);
            } else if (opened.writers == 0) {
                opened.file.sizeOnServer(sizeBytes(handle));
            }
            opened.users++;
            opened.writers += writable ? 1 : 0;
            file = opened.file;
        }
        NfsImageIo io = new NfsImageIo(this, file, writable);
        boolean done = false;
        try {
            file.findKept(writable);
            if (writable) {
                file.replay();
            }
            done = true;
            return io;
        } finally {
            if (!done) {
                io.close();
            }
        }
    }

    /** As it is now that nobody here changes it: what was asked before may be older than what a writer has done. */
    private long sizeBytes(NfsHandle handle) throws IOException {
        return connections
                .call(Gate.OPEN, (link, again) -> link.client().attributes(handle))
                .sizeBytes();
    }

    void close(NfsFile file, boolean writable) throws IOException {
        Opened opened;
        synchronized (filesMonitor) {
            opened = files.get(file.id());
            if (opened == null || opened.file != file) {
                return;
            }
            opened.writers -= writable ? 1 : 0;
            if (--opened.users > 0) {
                return;
            }
            opened.ending = true;
        }
        // This may take as long as the settle time, and other files are opened and closed meanwhile.
        try {
            file.close();
            opened.gone.forEach(this::removeOwn);
        } finally {
            synchronized (filesMonitor) {
                files.remove(file.id());
                filesMonitor.notifyAll();
            }
        }
    }

    /** The file of this number that is open; null when there is none. Waits for the end of one that is being closed. */
    private @Nullable Opened inUse(FileId id) throws IOException {
        while (true) {
            Opened opened = files.get(id);
            if (opened == null || !opened.ending) {
                return opened;
            }
            try {
                filesMonitor.wait(LOOK_AGAIN_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException(opened.file.name() + ": interrupted");
            }
        }
    }

    /** Creates an empty file, if there is none of that name, and opens it. */
    NfsImageIo create(String folder, String element) throws IOException {
        String path = join(folder, element);
        String fresh = ownNames.fresh(folder, OwnNames.NEW);
        NfsHandle handle;
        try {
            handle = names.change(
                    gate(), List.of(), (link, again) -> link.client().create(fresh, FILE_MODE));
        } catch (OsException e) {
            throw named(e, path);
        }
        try {
            link(gate(), fresh, path);
        } finally {
            removeOwn(fresh);
        }
        return open(path, handle, true, true);
    }

    /** Gives {@code path} a further name; throws {@link FileAlreadyExistsException} when it is taken. */
    void link(String path, String newPath) throws IOException {
        attributes(path);
        if (attributesOrNull(newPath) != null) {
            throw new FileAlreadyExistsException(name + newPath);
        }
        link(gate(), path, newPath);
    }

    /** The same for the files of this package, which need no lock. */
    void linkOwn(String path, String newPath) throws IOException {
        link(Gate.OPEN, path, newPath);
    }

    /**
     * The same for a name that was not that of this file before: when it is now, a request that came twice, or one whose answer
     * was lost, has made it so.
     */
    private void link(Gate gate, String path, String newPath) throws IOException {
        try {
            names.change(gate, List.of(newPath), (link, again) -> {
                try {
                    link.client().link(path, newPath);
                } catch (OsException e) {
                    boolean ours = e.errno() == Errno.EEXIST
                            && link.client()
                                    .attributes(newPath)
                                    .sameFile(link.client().attributes(path));
                    if (!ours) {
                        throw e;
                    }
                }
                return 0;
            });
        } catch (OsException e) {
            throw named(e, e.errno() == Errno.ENOENT ? path : newPath);
        }
    }

    void rename(String from, String to) throws IOException {
        NfsAttributes moved = attributes(from);
        synchronized (filesMonitor) {
            keepIfOpen(to);
            try {
                names.change(gate(), List.of(from, to), (link, again) -> {
                    try {
                        link.client().rename(from, to);
                    } catch (OsException e) {
                        boolean done = e.errno() == Errno.ENOENT
                                && link.client().attributes(to).sameFile(moved);
                        if (!done) {
                            throw e;
                        }
                    }
                    return 0;
                });
            } catch (OsException e) {
                throw named(e, from);
            }
        }
    }

    void delete(String path) throws IOException {
        NfsAttributes found = attributes(path);
        if (found.folder()) {
            throw new ImageException(ImageException.Kind.INVALID_REQUEST, name + path + " is a folder, not a file");
        }
        synchronized (filesMonitor) {
            keepIfOpen(path);
            remove(gate(), path);
        }
        if (found.names() == 1) {
            locks.forget(folderOf(path), FileId.of(found));
        }
    }

    /** A server drops a file with its last name, whoever has it open: another name keeps it until it is closed. */
    private void keepIfOpen(String path) throws IOException {
        NfsAttributes found = files.isEmpty() ? null : attributesOrNull(path);
        Opened opened = found == null ? null : inUse(FileId.of(found));
        if (opened != null && opened.gone.isEmpty()) {
            String gone = ownNames.fresh(folderOf(path), OwnNames.GONE);
            link(gate(), path, gone);
            opened.gone.add(gone);
        }
    }

    private static String folderOf(String path) {
        int slash = path.lastIndexOf('/');
        return slash == 0 ? "/" : path.substring(0, slash);
    }

    /** Removes a name that was there just now; when it is not any more, this was it. */
    private void remove(Gate gate, String path) throws IOException {
        try {
            names.change(gate, List.of(path), (link, again) -> {
                try {
                    link.client().remove(path);
                } catch (OsException e) {
                    if (e.errno() != Errno.ENOENT) {
                        throw e;
                    }
                }
                return 0;
            });
        } catch (OsException e) {
            throw named(e, path);
        }
    }

    /** Removes a file of this package; false when it may still be there. A rest does no harm. */
    boolean removeOwn(String path) {
        try {
            connections.call(Gate.OPEN, (link, again) -> {
                link.client().remove(path);
                return 0;
            });
            return true;
        } catch (OsException e) {
            return e.errno() == Errno.ENOENT;
        } catch (IOException e) {
            // It is hidden from listings, and its name is never used again.
            return false;
        }
    }

    @Override
    public void close() {
        locks.close();
        connections.close();
    }
}
