package org.tidemark.ploop.io.nfs;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.io.nfs.NfsConnections.Gate;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.NfsAttributes;
import org.tidemark.ploop.os.nfs.NfsConnection;
import org.tidemark.ploop.os.nfs.NfsEntry;
import org.tidemark.ploop.os.nfs.NfsServer;

/**
 * A folder on an NFS server that holds images, spoken to by version 3 of the protocol, without a mount.
 *
 * <p>A change of names is durable on return; {@link #sync} has nothing to do. {@link #exchange} is UNSUPPORTED. While the
 * server is away everything waits, for {@link NfsImageSettings#patience} at most; then it fails with {@link ImageException} of
 * kind SUSPECT.
 *
 * <p>One process opens the folder of an image once: what it derives with {@link #folder}, {@link #createFolder} and {@link #entry}
 * shares connections, open files and locks with it, a second {@link #open} does not.
 *
 * <p>Safe for several threads.
 */
public final class NfsImageDirectory implements ImageDirectory, Closeable {
    private static final int FOLDER_MODE = 0700;

    private final NfsExport export;
    private final String folder;

    private NfsImageDirectory(NfsExport export, String folder) {
        this.export = export;
        this.folder = folder;
    }

    /**
     * Opens a folder that is there.
     *
     * @param folder its path within the export, "/" for the export itself
     * @param memory where writes are kept that the server has not made durable yet. What a predecessor left in it is written
     *     when its file is opened for writing
     * @throws NoSuchFileException when there is no such folder
     * @throws OsException what the server refuses with, for instance to mount the export
     * @throws IOException when libnfs is not installed
     */
    public static NfsImageDirectory open(
            NfsServer server, String export, String folder, NfsImageSettings settings, KeptMemory memory)
            throws IOException {
        return open(
                "nfs://" + server.host() + (export.equals("/") ? "" : export),
                () -> NfsConnection.open(server, export, settings.requestLimit(), () -> {}),
                folder,
                settings,
                memory,
                NfsClock.REAL,
                new SecureRandom(),
                OwnerProcesses.REAL);
    }

    static NfsImageDirectory open(
            String name,
            NfsConnections.Connector connector,
            String folder,
            NfsImageSettings settings,
            KeptMemory memory,
            NfsClock clock,
            RandomGenerator random,
            OwnerProcesses processes)
            throws IOException {
        NfsConnections connections = new NfsConnections(name, connector, settings, clock);
        NfsExport export = new NfsExport(name, connections, settings, memory, clock, random, processes);
        boolean done = false;
        try {
            String clean = folder.replaceAll("/+", "/").replaceAll("(.)/$", "$1");
            if (!clean.startsWith("/")) {
                throw new IllegalArgumentException("not a path within an export: '" + folder + "'");
            }
            requireFolder(export, clean);
            export.names().awaitPredecessor();
            done = true;
            return new NfsImageDirectory(export, clean);
        } finally {
            if (!done) {
                export.close();
            }
        }
    }

    /** For tests. */
    NfsExport export() {
        return export;
    }

    private static void requireFolder(NfsExport export, String path) throws IOException {
        if (!export.attributes(path).folder()) {
            throw new NotDirectoryException(export.name() + path);
        }
    }

    /** Server, export and folder. */
    @Override
    public String name() {
        return folder.equals("/") ? export.name() : export.name() + folder;
    }

    private String path(String name) {
        if (name.isEmpty()
                || name.indexOf('/') >= 0
                || name.indexOf('\0') >= 0
                || name.equals(".")
                || name.equals("..")) {
            throw new IllegalArgumentException("not the name of a file: '" + name + "'");
        }
        return NfsExport.join(folder, name);
    }

    @Override
    public ImageIo open(String name, OpenMode mode) throws IOException {
        return export.open(path(name), mode == OpenMode.READ_WRITE);
    }

    @Override
    public ImageIo create(String name) throws IOException {
        path(name);
        return export.create(folder, name);
    }

    @Override
    public boolean exists(String name) throws IOException {
        return export.attributesOrNull(path(name)) != null;
    }

    @Override
    public void rename(String from, String to) throws IOException {
        export.rename(path(from), path(to));
    }

    @Override
    public void delete(String name) throws IOException {
        export.delete(path(name));
    }

    @Override
    public String fingerprint(String name) throws IOException {
        NfsAttributes attributes = export.attributes(path(name));
        return Long.toHexString(attributes.sizeBytes()) + ":" + Long.toHexString(attributes.modifiedNanos());
    }

    @Override
    public String identity(String name) throws IOException {
        return FileId.of(export.attributes(path(name))).toString();
    }

    @Override
    public long freeBytes() throws IOException {
        return export.connections()
                .call(Gate.OPEN, (link, again) -> link.client().freeBytes(folder));
    }

    @Override
    public int names(String name) throws IOException {
        return (int) export.attributes(path(name)).names();
    }

    @Override
    public void link(String name, ImageDirectory other, String newName) throws IOException {
        String existing = path(name);
        if (!(other instanceof NfsImageDirectory there) || !there.export.name().equals(export.name())) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    export.name() + existing + " and " + other.name()
                            + " do not lie on one file system, so they cannot share a file");
        }
        export.link(existing, there.path(newName));
    }

    @Override
    public List<String> list() throws IOException {
        List<String> names = new ArrayList<>();
        for (NfsEntry entry : entries()) {
            if (!entry.folder() && !entry.name().startsWith(NfsExport.OWN)) {
                names.add(entry.name());
            }
        }
        return names;
    }

    private List<NfsEntry> entries() throws IOException {
        try {
            return export.connections()
                    .call(Gate.OPEN, (link, again) -> link.client().list(folder));
        } catch (OsException e) {
            throw export.named(e, folder);
        }
    }

    /**
     * A lock is a record beside the file, which its owner renews. Another host is refused for as long as there is one, also when
     * nobody renews it any more: see {@link #breakLock}. A process of this host that is dead has no lock.
     */
    @Override
    public ImageLock lock(String name, boolean exclusive) throws IOException {
        path(name);
        return export.locks().lock(folder, name, exclusive);
    }

    /**
     * Takes the locks of a file away from whoever has them. For an operator who knows that the owner is dead. Watches the records
     * for a whole lease first and throws {@link ImageException} of kind IN_USE when one is renewed; afterwards waits until an owner
     * that still lived has noticed. That takes minutes.
     */
    public void breakLock(String name) throws IOException {
        path(name);
        export.locks().breakLock(folder, name);
    }

    /** Nothing to do: version 3 has every change of names durable when it is answered. */
    @Override
    public void sync() {
        // See above.
    }

    @Override
    public ImageDirectory createFolder(String name) throws IOException {
        String path = path(name);
        if (export.attributesOrNull(path) != null) {
            throw new FileAlreadyExistsException(export.name() + path);
        }
        try {
            export.names().change(export.gate(), List.of(path), (link, again) -> {
                try {
                    link.client().createFolder(path, FOLDER_MODE);
                } catch (OsException e) {
                    // It was not there just now, so an empty one is ours, or as good.
                    boolean ours = e.errno() == Errno.EEXIST
                            && link.client().attributes(path).folder()
                            && link.client().list(path).isEmpty();
                    if (!ours) {
                        throw e;
                    }
                }
                return 0;
            });
        } catch (OsException e) {
            throw e.errno() == Errno.EEXIST
                    ? new FileAlreadyExistsException(export.name() + path)
                    : export.named(e, path);
        }
        return new NfsImageDirectory(export, path);
    }

    @Override
    public ImageDirectory folder(String name) throws IOException {
        String path = path(name);
        requireFolder(export, path);
        return new NfsImageDirectory(export, path);
    }

    @Override
    public boolean hasFolder(String name) throws IOException {
        NfsAttributes found = export.attributesOrNull(path(name));
        return found != null && found.folder();
    }

    @Override
    public void deleteFolder(String name) throws IOException {
        String path = path(name);
        requireFolder(export, path);
        removeOwnRests(new NfsImageDirectory(export, path));
        try {
            export.names().change(export.gate(), List.of(path), (link, again) -> {
                try {
                    link.client().removeFolder(path);
                } catch (OsException e) {
                    if (e.errno() != Errno.ENOENT) {
                        throw e;
                    }
                }
                return 0;
            });
        } catch (OsException e) {
            throw export.named(e, path);
        }
    }

    /** When nothing else is in it, what this package has left there goes too. */
    private static void removeOwnRests(NfsImageDirectory doomed) throws IOException {
        List<NfsEntry> entries = doomed.entries();
        for (NfsEntry entry : entries) {
            if (!entry.name().startsWith(NfsExport.OWN)) {
                return;
            }
        }
        for (NfsEntry entry : entries) {
            doomed.export.removeOwn(doomed.path(entry.name()));
        }
    }

    @Override
    public void exchange(String file, String folder) throws IOException {
        throw new ImageException(
                ImageException.Kind.UNSUPPORTED,
                export.name() + path(file) + ": an NFS server cannot exchange a file for a folder");
    }

    @Override
    public Optional<Entry> entry() {
        if (folder.equals("/")) {
            return Optional.empty();
        }
        int slash = folder.lastIndexOf('/');
        String above = slash == 0 ? "/" : folder.substring(0, slash);
        return Optional.of(new Entry(new NfsImageDirectory(export, above), folder.substring(slash + 1)));
    }

    /** Ends the connections and the renewing of locks, of this folder and all that was derived from it. */
    @Override
    public void close() {
        export.close();
    }

    /** What messages call it. */
    @Override
    public @Nullable String toString() {
        return name();
    }
}
