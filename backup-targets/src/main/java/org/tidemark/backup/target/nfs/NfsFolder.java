package org.tidemark.backup.target.nfs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.BlobKeys;
import org.tidemark.backup.target.BlobVisitor;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.FolderWalk;
import org.tidemark.backup.target.TargetCapabilities;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.target.TargetMarker;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.NfsAttributes;
import org.tidemark.ploop.os.nfs.NfsEntry;
import org.tidemark.ploop.os.nfs.NfsHandle;
import org.tidemark.ploop.os.nfs.NfsLocation;
import org.tidemark.ploop.os.nfs.NfsLostException;

/** The target itself, in the process that has libnfs. See the package page for the steps of a put. */
final class NfsFolder implements BackupTarget {
    /** The most that is written and not committed. */
    static final int WINDOW_BYTES = 16 << 20;

    private static final String TEMPORARY = "/.tmp";
    private static final int FOLDER_MODE = 0750;
    private static final int FILE_MODE = 0640;
    private static final int MAX_REWRITES = 8;
    private static final int MAX_KNOWN_BLOBS = 256;
    private static final int PREFERRED_READ_BYTES = 1 << 20;

    private final NfsLocation location;
    private final RandomGenerator random;
    private final BlockingQueue<NfsSession> sessions;
    private final String root;
    private final String id;
    private final FolderWalk walk = new FolderWalk(this::entriesOf);
    private final Semaphore listing = new Semaphore(1);
    private final Set<String> knownFolders = ConcurrentHashMap.newKeySet();
    private final Map<String, Blob> knownBlobs = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Blob> eldest) {
            return size() > MAX_KNOWN_BLOBS;
        }
    };
    private volatile @Nullable NfsAttributes marker;

    /** A blob never changes, so neither do these. */
    private record Blob(NfsHandle handle, long sizeBytes) {}

    private NfsFolder(
            NfsLocation location, RandomGenerator random, BlockingQueue<NfsSession> sessions, String root, String id) {
        this.location = location;
        this.random = random;
        this.sessions = sessions;
        this.root = root;
        this.id = id;
    }

    /** Opens a folder that is a target, or, with {@code create}, makes an empty one a target first. */
    static NfsFolder open(
            NfsLocation location, boolean create, int connections, NfsSession first, RandomGenerator random)
            throws TargetException {
        try {
            String root = first.folder();
            if (create) {
                create(location, first, root, random);
            }
            String id = markerOf(location, first, root);
            BlockingQueue<NfsSession> sessions = new ArrayBlockingQueue<>(connections);
            sessions.add(first);
            while (sessions.remainingCapacity() > 0) {
                sessions.add(first.sibling());
            }
            return new NfsFolder(location, random, sessions, root, id);
        } catch (IOException e) {
            first.close();
            throw NfsErrors.of(create ? "create target" : "open target", location, e);
        }
    }

    private static void create(NfsLocation location, NfsSession session, String root, RandomGenerator random)
            throws IOException {
        makeFolder(session, root);
        demandEmpty(location, session, root);
        String id = randomHex(random);
        makeFolder(session, root + TEMPORARY);
        String temporary = root + TEMPORARY + "/" + randomHex(random);
        byte[] content = TargetMarker.content(id);
        ByteBuffer bytes =
                ByteBuffer.allocateDirect(content.length).put(content).flip();
        session.call(client -> {
            client.write(client.create(temporary, FILE_MODE), 0, bytes, true);
            return 0;
        });
        try {
            session.call(client -> {
                client.link(temporary, root + "/" + TargetMarker.NAME);
                return 0;
            });
        } catch (OsException e) {
            // Ours, after an answer that was lost; or somebody else's, whose target it is then.
            if (e.errno() != Errno.EEXIST) {
                throw e;
            }
        }
        removeQuietly(session, temporary);
    }

    private static void demandEmpty(NfsLocation location, NfsSession session, String root) throws IOException {
        List<NfsEntry> entries = session.call(client -> client.list(orSlash(root)));
        for (NfsEntry entry : entries) {
            if (entry.name().equals(TargetMarker.NAME)) {
                return;
            }
        }
        if (entries.stream()
                .anyMatch(entry -> !entry.name().equals("lost+found") && !TEMPORARY.endsWith("/" + entry.name()))) {
            throw new TargetException(
                    Kind.DENIED,
                    "folder " + location + " is not empty and is no Tidemark target; take an empty folder");
        }
    }

    private static String orSlash(String path) {
        return path.isEmpty() ? "/" : path;
    }

    private static String markerOf(NfsLocation location, NfsSession session, String root) throws IOException {
        byte[] bytes;
        try {
            bytes = session.call(client -> {
                ByteBuffer content = ByteBuffer.allocateDirect(TargetMarker.MAX_BYTES + 1);
                client.read(client.open(root + "/" + TargetMarker.NAME), 0, content);
                byte[] read = new byte[content.position()];
                content.flip().get(read);
                return read;
            });
        } catch (OsException e) {
            if (e.errno() == Errno.ENOENT || e.errno() == Errno.ESTALE || e.errno() == Errno.ENOTDIR) {
                throw new TargetException(
                        Kind.UNREACHABLE,
                        "no Tidemark target at " + location + ": there is no " + TargetMarker.NAME
                                + " in the folder. Check the address and what the server exports; a new target has to be "
                                + "created first (" + e.getMessage() + ")",
                        e);
            }
            throw e;
        }
        return TargetMarker.idIn(bytes, location.toString());
    }

    String id() {
        return id;
    }

    /** Something to do with a session of one's own. */
    @FunctionalInterface
    private interface Work<T> {
        T with(NfsSession session) throws IOException;
    }

    /** Whoever waits for an answer is told of each, on its own thread. */
    private final ThreadLocal<Runnable> listener = ThreadLocal.withInitial(() -> () -> {});

    void listener(Runnable answered) {
        listener.set(answered);
    }

    private <T> T use(String doing, Work<T> work) throws TargetException {
        NfsSession session = null;
        try {
            while (session == null) {
                session = sessions.poll(1, TimeUnit.SECONDS);
                listener.get().run();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TargetException(Kind.RETRYABLE, doing + " on " + location + ": interrupted", e);
        }
        try {
            session.listener(listener.get());
            return work.with(session);
        } catch (IOException e) {
            throw NfsErrors.of(doing, location, e);
        } finally {
            session.listener(() -> {});
            sessions.add(session);
        }
    }

    /** Fails when the root is not the one that was opened. */
    private void checkIdentity(NfsSession session) throws IOException {
        NfsAttributes now = null;
        try {
            now = session.call(client -> client.attributes(root + "/" + TargetMarker.NAME));
        } catch (OsException e) {
            if (e.errno() != Errno.ENOENT && e.errno() != Errno.ESTALE && e.errno() != Errno.ENOTDIR) {
                throw e;
            }
        }
        NfsAttributes known = marker;
        if (now == null || known == null || !isTheSame(known, now)) {
            String found = markerOf(location, session, root);
            if (!found.equals(id)) {
                throw TargetMarker.another(location.toString(), found, id);
            }
            marker = now;
            synchronized (knownBlobs) {
                knownBlobs.clear();
            }
            knownFolders.clear();
        }
    }

    /** Another file system may have the same numbers, if not the same time. */
    private static boolean isTheSame(NfsAttributes known, NfsAttributes now) {
        return known.sameFile(now) && known.modifiedNanos() == now.modifiedNanos();
    }

    /** Gives a put its content, window by window. */
    @FunctionalInterface
    interface Content {
        /** Fills {@code window} from its position to its limit. */
        void next(ByteBuffer window) throws IOException;
    }

    @Override
    public void putIfAbsent(String key, List<ByteBuffer> content) throws TargetException {
        List<ByteBuffer> parts =
                new ArrayList<>(content.stream().map(ByteBuffer::duplicate).toList());
        long sizeBytes = parts.stream().mapToLong(ByteBuffer::remaining).sum();
        put(key, sizeBytes, ByteBuffer.allocateDirect((int) Math.min(sizeBytes, WINDOW_BYTES)), window -> {
            while (window.hasRemaining()) {
                ByteBuffer part = parts.get(0);
                int length = Math.min(part.remaining(), window.remaining());
                window.put(part.slice(part.position(), length));
                part.position(part.position() + length);
                if (!part.hasRemaining()) {
                    parts.remove(0);
                }
            }
        });
    }

    /**
     * A put whose content comes piece by piece. When it fails, {@code content} may not have been asked for all of it.
     *
     * @param buffer a direct one to work with, at least {@code sizeBytes} or {@link #WINDOW_BYTES} large
     */
    void put(String key, long sizeBytes, ByteBuffer buffer, Content content) throws TargetException {
        String path = root + "/" + BlobKeys.checked(key);
        use("write " + key, session -> {
            checkIdentity(session);
            String temporary = root + TEMPORARY + "/" + randomHex(random);
            boolean there = true;
            try {
                NfsHandle file = inItsFolder(
                        session, temporary, () -> session.call(client -> client.create(temporary, FILE_MODE)));
                for (long at = 0; at < sizeBytes; ) {
                    buffer.clear().limit((int) Math.min(Math.min(sizeBytes - at, buffer.capacity()), WINDOW_BYTES));
                    content.next(buffer);
                    buffer.flip();
                    writeDurably(session, file, at, buffer);
                    at += buffer.limit();
                }
                inItsFolder(session, path, () -> {
                    give(session, temporary, path, key);
                    return 0;
                });
            } catch (NfsLostException e) {
                there = false;
                throw e;
            } catch (OsException e) {
                checkIdentity(session);
                throw e;
            } finally {
                // Not when the server is away: that would only wait once more.
                if (there) {
                    removeQuietly(session, temporary);
                }
            }
            return 0;
        });
    }

    /** Something that makes a name. */
    @FunctionalInterface
    private interface Making<T> {
        T make() throws IOException;
    }

    /** Makes a name with the folders above it; also with those that somebody has removed since they were made. */
    private <T> T inItsFolder(NfsSession session, String path, Making<T> making) throws IOException {
        for (int attempt = 0; ; attempt++) {
            try {
                for (int slash = path.indexOf('/', root.length() + 1);
                        slash > 0;
                        slash = path.indexOf('/', slash + 1)) {
                    makeKnownFolder(session, path.substring(0, slash));
                }
                return making.make();
            } catch (OsException e) {
                if (e.errno() != Errno.ENOENT) {
                    throw e;
                }
                knownFolders.clear();
                if (attempt > 0) {
                    throw TargetException.passing(
                            Kind.RETRYABLE,
                            "write to " + location + ": folders vanish while they are written to; look at who removes "
                                    + "them (" + e.getMessage() + ")",
                            e,
                            null);
                }
            }
        }
    }

    /** UNSTABLE writes and a commit; again while the server may have forgotten them. */
    private void writeDurably(NfsSession session, NfsHandle file, long offsetBytes, ByteBuffer window)
            throws IOException {
        for (int written = 0; written < MAX_REWRITES; written++) {
            boolean durable = session.call(client -> {
                var answer = client.write(file, offsetBytes, window, false);
                if (answer.durable()) {
                    return true;
                }
                return client.commit(file) == answer.verifier() && answer.oneVerifier();
            });
            if (durable) {
                return;
            }
        }
        throw TargetException.passing(
                Kind.RETRYABLE,
                "write to " + location + ": the server restarted " + MAX_REWRITES
                        + " times while the same data were written; look at why it does",
                null,
                null);
    }

    /** Create-if-absent. A name that is there already is ours when an earlier answer was lost. */
    private void give(NfsSession session, String temporary, String path, String key) throws IOException {
        try {
            session.call(client -> {
                client.link(temporary, path);
                return 0;
            });
        } catch (OsException e) {
            if (e.errno() == Errno.EEXIST) {
                NfsAttributes ours = session.call(client -> client.attributes(temporary));
                NfsAttributes there = session.call(client -> client.attributes(path));
                if (ours.sameFile(there)) {
                    return;
                }
                throw new TargetException(Kind.CONFLICT, key + " exists already on " + describe(), e);
            }
            throw e;
        }
    }

    private void makeKnownFolder(NfsSession session, String path) throws IOException {
        if (!knownFolders.contains(path)) {
            makeFolder(session, path);
            knownFolders.add(path);
        }
    }

    private static void makeFolder(NfsSession session, String path) throws IOException {
        if (path.isEmpty()) {
            return;
        }
        try {
            session.call(client -> {
                client.createFolder(path, FOLDER_MODE);
                return 0;
            });
        } catch (OsException e) {
            if (e.errno() == Errno.EEXIST) {
                return;
            }
            // Who may not create in a read-only parent may still have the folder itself.
            if (!session.call(client -> {
                try {
                    return client.attributes(path).folder();
                } catch (OsException none) {
                    return false;
                }
            })) {
                throw e;
            }
        }
    }

    private static void removeQuietly(NfsSession session, String temporary) {
        try {
            session.call(client -> {
                client.remove(temporary);
                return 0;
            });
        } catch (IOException e) {
            // A rest in the temporary folder is invisible; the put itself has its own outcome.
        }
    }

    @Override
    public long get(String key, ByteRange range, ByteBuffer dst) throws TargetException {
        long[] size = new long[1];
        ByteBuffer into = dst.isDirect() ? dst : ByteBuffer.allocateDirect(dst.remaining());
        get(
                key,
                range,
                (sizeBytes, lengthBytes) -> {
                    size[0] = sizeBytes;
                    if (lengthBytes > into.remaining()) {
                        throw new IllegalArgumentException(
                                "room for " + into.remaining() + " bytes, not " + lengthBytes);
                    }
                    return into.slice(into.position(), lengthBytes);
                },
                part -> into.position(into.position() + part.remaining()));
        if (into != dst) {
            dst.put(into.flip());
        }
        return size[0];
    }

    /** Gives a get room for what it reads next. */
    @FunctionalInterface
    interface Room {
        /** A direct buffer for at most {@code restBytes}, of which a read fills all it can. */
        ByteBuffer of(long sizeBytes, int restBytes) throws IOException;
    }

    /** Takes what a get has read, from position to limit. */
    @FunctionalInterface
    interface Reader {
        void read(ByteBuffer part) throws IOException;
    }

    /** A get whose bytes are taken piece by piece. {@code room} is asked at least once. */
    void get(String key, ByteRange range, Room room, Reader reader) throws TargetException {
        String path = root + "/" + BlobKeys.checked(key);
        use("read " + key, session -> {
            Blob known;
            synchronized (knownBlobs) {
                known = knownBlobs.get(path);
            }
            boolean[] begun = new boolean[1];
            Reader noting = part -> {
                begun[0] = true;
                reader.read(part);
            };
            try {
                read(session, known == null ? blob(session, path) : known, key, range, room, noting);
            } catch (OsException e) {
                forget(path);
                checkIdentity(session);
                if (known == null || begun[0]) {
                    throw e;
                }
                // Its handle is not valid any more, which says nothing about the blob.
                read(session, blob(session, path), key, range, room, reader);
            }
            return 0;
        });
    }

    private void read(NfsSession session, Blob blob, String key, ByteRange range, Room room, Reader reader)
            throws IOException {
        int lengthBytes = range.lengthIn(blob.sizeBytes());
        if (lengthBytes < 0) {
            throw tooShort(key, range, blob.sizeBytes());
        }
        long at = range.startIn(blob.sizeBytes());
        int rest = lengthBytes;
        do {
            ByteBuffer part = room.of(blob.sizeBytes(), rest);
            int start = part.position();
            int wanted = Math.min(rest, part.remaining());
            part.limit(start + wanted);
            long position = at;
            if (wanted > 0) {
                int got = session.call(client -> client.read(blob.handle(), position, part.position(start)));
                if (got < wanted) {
                    throw tooShort(key, range, position + got);
                }
            }
            part.position(start);
            reader.read(part);
            at += wanted;
            rest -= wanted;
        } while (rest > 0);
    }

    private Blob blob(NfsSession session, String path) throws IOException {
        Blob found = session.call(
                client -> new Blob(client.open(path), client.attributes(path).sizeBytes()));
        synchronized (knownBlobs) {
            knownBlobs.put(path, found);
        }
        return found;
    }

    private void forget(String path) {
        synchronized (knownBlobs) {
            knownBlobs.remove(path);
        }
    }

    private TargetException tooShort(String key, ByteRange range, long sizeBytes) {
        return new TargetException(
                Kind.CORRUPT,
                key + " on " + describe() + " has " + sizeBytes + " bytes; bytes " + range.offsetBytes() + " to "
                        + (range.offsetBytes() + range.lengthBytes()) + " were asked for");
    }

    @Override
    public long stat(String key) throws TargetException {
        String path = root + "/" + BlobKeys.checked(key);
        return use("look at " + key, session -> {
            try {
                return session.call(client -> client.attributes(path)).sizeBytes();
            } catch (OsException e) {
                checkIdentity(session);
                throw e;
            }
        });
    }

    /** Listings call back while no session is held, as a visitor may read. */
    private List<FolderWalk.Entry> entriesOf(String folder, boolean sizes) throws IOException {
        String path = orSlash(root + (folder.isEmpty() ? "" : "/" + folder.substring(0, folder.length() - 1)));
        // One at a time: each may be large.
        awaitTurn("list " + folder);
        try {
            return use("list " + folder, session -> {
                try {
                    List<FolderWalk.Entry> entries = new ArrayList<>();
                    for (NfsEntry entry : session.call(client -> client.list(path))) {
                        entries.add(new FolderWalk.Entry(entry.name(), entry.folder(), entry.sizeBytes()));
                    }
                    return entries;
                } catch (OsException e) {
                    checkIdentity(session);
                    if (e.errno() == Errno.ENOENT) {
                        return List.of();
                    }
                    throw e;
                }
            });
        } finally {
            listing.release();
        }
    }

    private void awaitTurn(String doing) throws TargetException {
        try {
            while (!listing.tryAcquire(1, TimeUnit.SECONDS)) {
                listener.get().run();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TargetException(Kind.RETRYABLE, doing + " on " + location + ": interrupted", e);
        }
    }

    private void checkIdentity() throws TargetException {
        use("find the target", session -> {
            checkIdentity(session);
            return 0;
        });
    }

    @Override
    public void list(String prefix, BlobVisitor visitor) throws TargetException {
        checkIdentity();
        try {
            walk.list(prefix, visitor);
        } catch (IOException e) {
            throw NfsErrors.of("list " + prefix, location, e);
        }
        checkIdentity();
    }

    @Override
    public void listFolders(String prefix, Consumer<String> visitor) throws TargetException {
        checkIdentity();
        try {
            walk.listFolders(prefix, visitor);
        } catch (IOException e) {
            throw NfsErrors.of("list " + prefix, location, e);
        }
        checkIdentity();
    }

    @Override
    public TargetCapabilities capabilities() {
        return new TargetCapabilities(true, true, PREFERRED_READ_BYTES);
    }

    @Override
    public void validate() throws TargetException {
        use("try out the target", session -> {
            checkIdentity(session);
            return inItsFolder(session, root + TEMPORARY + "/", () -> {
                tryOut(session, root + TEMPORARY, random);
                return 0;
            });
        });
    }

    /** Creates, writes, links and removes a file in a folder. */
    static void tryOut(NfsSession session, String folder, RandomGenerator random) throws IOException {
        String one = folder + "/.tidemark-" + randomHex(random);
        String two = folder + "/.tidemark-" + randomHex(random);
        ByteBuffer bytes = ByteBuffer.allocateDirect(4)
                .put("try\n".getBytes(StandardCharsets.US_ASCII))
                .flip();
        try {
            session.call(client -> {
                client.write(client.create(one, FILE_MODE), 0, bytes, true);
                return 0;
            });
            session.call(client -> {
                try {
                    client.link(one, two);
                } catch (OsException e) {
                    if (e.errno() != Errno.EEXIST) {
                        throw e;
                    }
                }
                return 0;
            });
        } catch (NfsLostException e) {
            throw e; // To remove them would only be waiting once more.
        } catch (IOException e) {
            removeQuietly(session, two);
            removeQuietly(session, one);
            throw e;
        }
        removeQuietly(session, two);
        removeQuietly(session, one);
    }

    @Override
    public String describe() {
        return "target " + location;
    }

    @Override
    public void close() {
        for (NfsSession session = sessions.poll(); session != null; session = sessions.poll()) {
            session.close();
        }
    }

    private static String randomHex(RandomGenerator random) {
        byte[] bytes = new byte[16];
        random.nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }
}
