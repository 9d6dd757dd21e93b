package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.LockSupport;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.io.nfs.NfsImageDirectory;
import org.tidemark.ploop.io.nfs.NfsImageSettings;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.NfsConnection;
import org.tidemark.ploop.os.nfs.NfsLocation;
import org.tidemark.ploop.os.nfs.NfsLostException;

/**
 * An image on an NFS server, or the place for one: the folder it lies in, by connections of its own, and its name there. All files
 * of an image on NFS lie in one folder, or it is one file. Only a process of this image alone, or of one command, opens one: the
 * library that speaks to the server may take its process with it.
 */
public final class NfsImage implements Closeable {
    /** Of a name, as servers usually allow. */
    private static final int NAME_BYTES = 255;

    /** Behind the name of one that is being made. */
    private static final String PARTIAL = ".tidemark-partial";

    private static final String EXPORT = "image-export";
    private static final int EXPORT_BYTES = 4096;
    private static final Duration ANSWER_LIMIT = Duration.ofSeconds(10);
    private static final Duration STARTS_WITHIN = Duration.ofSeconds(60);
    private static final long LOOK_EVERY_NANOS = 250_000_000;

    private final NfsLocation location;
    private final NfsImageDirectory parent;

    private NfsImage(NfsLocation location, NfsImageDirectory parent) {
        this.location = location;
        this.parent = parent;
    }

    /**
     * For one command. A server that does not answer is given up after half a minute.
     *
     * @throws NfsLostException when the server does not answer
     */
    public static NfsImage forCommand(NfsLocation location) throws IOException {
        return open(location, NfsImageSettings.ofCommand(), KeptMemory.ofThisProcess());
    }

    /**
     * For {@link #breakLocks}, with another lease than usual: what is shown more often is looked for more briefly. An owner
     * whose record tells a longer one is watched for that.
     */
    public static NfsImage forBreakingLocks(NfsLocation location, Duration lease) throws IOException {
        NfsImageSettings usual = NfsImageSettings.ofCommand();
        Duration requestLimit = shorter(usual.requestLimit(), lease.dividedBy(4));
        NfsImageSettings settings = new NfsImageSettings(
                usual.connections(),
                usual.keptBytes(),
                requestLimit,
                usual.patience(),
                shorter(usual.settleTime(), lease),
                lease);
        return open(location, settings, KeptMemory.ofThisProcess());
    }

    private static Duration shorter(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    /**
     * For a device. A server that does not answer is waited for by the successor of a killed process, not at first.
     *
     * @param memory keeps, beyond this process, what is written and not durable; and how the server is asked, which a
     *     successor cannot find out while the server is away
     * @param settleTime within it the server carries a request out whose connection broke, or never
     * @param lease how often it shows on the server that it lives: three times in this time
     */
    public static NfsImage forDevice(NfsLocation location, KeptMemory memory, Duration settleTime, Duration lease)
            throws IOException {
        NfsImageSettings usual = NfsImageSettings.defaults();
        NfsImageSettings settings = new NfsImageSettings(
                usual.connections(), usual.keptBytes(), usual.requestLimit(), usual.patience(), settleTime, lease);
        return open(location, settings, memory);
    }

    private static NfsImage open(NfsLocation location, NfsImageSettings settings, KeptMemory memory)
            throws IOException {
        int slash = location.path().lastIndexOf('/');
        if (slash <= 0) {
            throw new NoSuchFileException(location + ": give an export, a folder in it and a name in that");
        }
        NfsLocation folder = new NfsLocation(location.server(), location.path().substring(0, slash));
        Optional<String> kept = keptExport(memory);
        if (kept.isPresent()) {
            return new NfsImage(location, openAgain(folder, kept.get(), settings, memory));
        }
        String export = chooseExport(folder);
        try {
            // One that does not answer at first is not waited for.
            NfsConnection.open(location.server(), export, ANSWER_LIMIT, () -> {})
                    .close();
            NfsImageDirectory parent = openFolder(folder, export, settings, memory);
            keepExport(memory, export);
            return new NfsImage(location, parent);
        } catch (NoSuchFileException e) {
            throw missing(folder, e);
        } catch (OsException e) {
            throw refused(folder, e);
        }
    }

    private static NfsImageDirectory openFolder(
            NfsLocation folder, String export, NfsImageSettings settings, KeptMemory memory) throws IOException {
        String within = export.equals("/") ? folder.path() : folder.path().substring(export.length());
        return NfsImageDirectory.open(folder.server(), export, within.isEmpty() ? "/" : within, settings, memory);
    }

    /** What a predecessor had open. A server that starts lets nobody in until it has read its exports. */
    private static NfsImageDirectory openAgain(
            NfsLocation folder, String export, NfsImageSettings settings, KeptMemory memory) throws IOException {
        long end = System.nanoTime() + STARTS_WITHIN.toNanos();
        while (true) {
            try {
                return openFolder(folder, export, settings, memory);
            } catch (OsException | NoSuchFileException e) {
                if (System.nanoTime() - end > 0) {
                    throw e;
                }
                LockSupport.parkNanos(LOOK_EVERY_NANOS);
            }
        }
    }

    /** The server that keeps its exports to itself, or has them behind a firewall, is asked for the folder as it is. */
    private static String chooseExport(NfsLocation folder) throws IOException {
        if (folder.server().mountPort().isPresent()) {
            return folder.path();
        }
        List<String> known;
        try {
            known = NfsConnection.exports(folder.server(), ANSWER_LIMIT);
        } catch (NfsLostException e) {
            return folder.path();
        }
        String export = folder.exportAmong(known)
                .orElseThrow(() -> new NoSuchFileException("server "
                        + folder.server().host() + " does not export " + folder.path()
                        + (known.isEmpty() ? "; it exports nothing" : "; it exports " + String.join(", ", known))));
        return export.isEmpty() ? "/" : export;
    }

    private static IOException refused(NfsLocation what, OsException e) {
        IOException said =
                switch (e.errno()) {
                    case Errno.ENOENT, Errno.ENOTDIR -> missing(what, e);
                    case Errno.EACCES, Errno.EPERM ->
                        new AccessDeniedException(
                                what
                                        + ": the server does not let this host mount it, or this user in; allow it in the server's"
                                        + " exports (there root_squash makes root a nobody), or add ?uid=N&gid=N to the address");
                    case Errno.EROFS ->
                        new AccessDeniedException(what + ": the server exports it read-only; export it rw");
                    case Errno.ENAMETOOLONG ->
                        new ImageException(
                                ImageException.Kind.INVALID_REQUEST,
                                what + ": a name in it is too long for the server's file system",
                                e);
                    default -> e;
                };
        if (said != e && said.getCause() == null) {
            said.initCause(e);
        }
        return said;
    }

    private static NoSuchFileException missing(NfsLocation folder, IOException cause) {
        NoSuchFileException missing = new NoSuchFileException(folder + ": the server has no such folder");
        missing.initCause(cause);
        return missing;
    }

    private static Optional<String> keptExport(KeptMemory memory) throws IOException {
        if (!memory.exists(EXPORT)) {
            return Optional.empty();
        }
        ByteBuffer kept = memory.region(EXPORT, EXPORT_BYTES).bytes();
        int length = kept.getInt(0);
        if (length == 0) {
            return Optional.empty();
        }
        byte[] text = new byte[length];
        kept.get(Integer.BYTES, text);
        return Optional.of(new String(text, StandardCharsets.UTF_8));
    }

    /** The length last: a killed writer leaves none. */
    private static void keepExport(KeptMemory memory, String export) throws IOException {
        AlignedBuffer region = memory.region(EXPORT, EXPORT_BYTES);
        byte[] text = export.getBytes(StandardCharsets.UTF_8);
        region.bytes().put(Integer.BYTES, text);
        region.bytes().putInt(0, text.length);
    }

    /** What the server's refusal is to a person, who has to do something about it. */
    public IOException inWords(OsException refusal) {
        return refused(location, refusal);
    }

    /** The folder that the image lies in, or is to be made in. */
    public ImageDirectory parent() {
        return parent;
    }

    /** The name of the image in {@link #parent}. */
    public String name() {
        return location.path().substring(location.path().lastIndexOf('/') + 1);
    }

    /**
     * The name of the image while it is being made.
     *
     * @param mark different for each that makes it
     * @throws ImageException INVALID_REQUEST when the image's name leaves no room for it
     */
    public String partialName(String mark) throws ImageException {
        String partial = name() + PARTIAL + "-" + mark;
        int excess = partial.getBytes(StandardCharsets.UTF_8).length - NAME_BYTES;
        if (excess > 0) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    "the name of a new image on NFS is too long by " + excess + " bytes: " + name());
        }
        return partial;
    }

    /** The files of the image; throws {@link NoSuchFileException} when there is none. */
    public ChainFiles files() throws IOException {
        try {
            return ChainFiles.named(parent, name());
        } catch (OsException e) {
            throw refused(location, e);
        }
    }

    /**
     * The files of one level of its snapshot tree, to be read only.
     *
     * @throws ImageException INVALID_REQUEST when there is no such level
     */
    public ChainFiles level(String guid) throws IOException {
        ChainFiles whole = files();
        DiskDescriptor descriptor = whole.descriptor()
                .orElseThrow(() -> new ImageException(
                        ImageException.Kind.INVALID_REQUEST, location + ": a single file has no snapshots"));
        return ChainFiles.level(whole.directory(), descriptor, guid);
    }

    /**
     * Takes the locks of all its files, and that of its tree, away from whoever has them; an operator knows that the owner is
     * dead. Takes minutes, however many files there are.
     *
     * @throws ImageException IN_USE when an owner shows that he lives
     */
    public void breakLocks() throws IOException {
        ChainFiles files = files();
        List<FutureTask<Boolean>> breaking = new ArrayList<>();
        for (ChainFiles.Link link : files.links()) {
            breaking.add(breaking(link.directory(), link.fileName()));
        }
        // Whose owner died while the tree was being changed.
        if (files.descriptor().isPresent() && files.directory().exists(ChainSteps.LOCK_NAME)) {
            breaking.add(breaking(files.directory(), ChainSteps.LOCK_NAME));
        }
        IOException failed = null;
        for (FutureTask<Boolean> one : breaking) {
            try {
                one.get();
            } catch (ExecutionException e) {
                IOException cause = e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
                if (failed == null) {
                    failed = cause;
                } else {
                    failed.addSuppressed(cause);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException(location + ": interrupted while its locks were being broken");
            }
        }
        if (failed != null) {
            throw failed;
        }
    }

    /** Watches in a thread of its own: each file takes its minutes. */
    private static FutureTask<Boolean> breaking(ImageDirectory directory, String fileName) {
        FutureTask<Boolean> task = new FutureTask<>(() -> {
            // All files of an image on NFS lie in folders that this object opened.
            ((NfsImageDirectory) directory).breakLock(fileName);
            return true;
        });
        Thread thread = new Thread(task, "break-" + fileName);
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    /** Removes what is left of an image that was being made; nothing happens when nothing is there. */
    public void discardPartial(String partialName) throws IOException {
        if (parent.hasFolder(partialName)) {
            ImageDirectory folder = parent.folder(partialName);
            for (String file : folder.list()) {
                folder.delete(file);
            }
            parent.deleteFolder(partialName);
        }
    }

    /** Locks that let go of the connections, too, when they are let go of. */
    public HeldLocks closingAfter(HeldLocks locks) {
        return new HeldLocks() {
            @Override
            public void add(ChainFiles.Link link, boolean exclusive) throws IOException {
                locks.add(link, exclusive);
            }

            @Override
            public void convert(ChainFiles.Link link, boolean exclusive) throws IOException {
                locks.convert(link, exclusive);
            }

            @Override
            public void remove(ChainFiles.Link link) throws IOException {
                locks.remove(link);
            }

            @Override
            public void renamed(ChainFiles.Link from, ChainFiles.Link to) {
                locks.renamed(from, to);
            }

            @Override
            public void close() throws IOException {
                try {
                    locks.close();
                } finally {
                    NfsImage.this.close();
                }
            }
        };
    }

    @Override
    public void close() throws IOException {
        parent.close();
    }
}
