package org.tidemark.ploop.os.nfs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.LongSupplier;
import java.util.function.ToIntFunction;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;

/**
 * An NFS server in memory, as mean as RFC 1813 allows: a restart forgets what was written UNSTABLE and not committed, any
 * part of it, and changes the write verifier; requests are lost, answers are lost, and so are both with a restart in between.
 * Names are durable at once. With {@link #delaying}, a lost request may be carried out later. Each random fault is drawn from a
 * seed.
 */
public final class SimulatedNfs {
    /** See {@link #refusing}. */
    public static final int LOST = -1;

    private static final int TRANSFER_BYTES = 4096;
    private static final int PAGE_BYTES = 4096;
    private static final int SECTOR_BYTES = 512;

    private final Random random;
    private final int faultsInThousand;
    private final Map<String, Inode> files = new TreeMap<>();
    private final Map<Long, Inode> inodes = new TreeMap<>();
    private final Set<String> folders = new TreeSet<>(List.of("/"));
    private final List<Delayed> delayed = new ArrayList<>();
    private LongSupplier clock = () -> 0;
    private long delayNanos;
    private Runnable aroundRequests = () -> {};
    private ToIntFunction<String> refusals = call -> 0;
    private boolean coarseVerifier;
    private boolean staysUp;
    private long fileSystem = 1;
    private long lastInode;
    private long lastChange;
    private long verifier = 1;
    private boolean faultless;
    private int restarts;
    private int lost;
    private int late;

    public SimulatedNfs(Random random, int faultsInThousand) {
        this.random = random;
        this.faultsInThousand = faultsInThousand;
    }

    /** A file, whatever its names. */
    private final class Inode {
        final long id;
        final Map<Long, byte[]> pages = new HashMap<>();
        final Map<Long, byte[]> durablePages = new HashMap<>();
        final Set<Long> dirty = new TreeSet<>();
        long size;
        long durableSize;
        /** In its handle. Another file with the same number has another one. */
        int generation;

        long names = 1;
        long changed = ++lastChange;

        Inode(long id) {
            this.id = id;
        }

        void write(long position, byte[] bytes) {
            for (int done = 0; done < bytes.length; ) {
                long page = (position + done) / PAGE_BYTES;
                int at = (int) ((position + done) % PAGE_BYTES);
                int take = Math.min(PAGE_BYTES - at, bytes.length - done);
                System.arraycopy(bytes, done, pages.computeIfAbsent(page, p -> new byte[PAGE_BYTES]), at, take);
                dirty.add(page);
                done += take;
            }
            size = Math.max(size, position + bytes.length);
            changed = ++lastChange;
        }

        byte[] read(long position, int length) {
            byte[] bytes = new byte[(int) Math.max(0, Math.min(length, size - position))];
            for (int done = 0; done < bytes.length; ) {
                byte[] page = pages.get((position + done) / PAGE_BYTES);
                int at = (int) ((position + done) % PAGE_BYTES);
                int take = Math.min(PAGE_BYTES - at, bytes.length - done);
                if (page != null) {
                    System.arraycopy(page, at, bytes, done, take);
                }
                done += take;
            }
            return bytes;
        }

        void commit() {
            for (long page : dirty) {
                byte[] content = pages.get(page);
                if (content != null) {
                    durablePages.put(page, content.clone());
                }
            }
            dirty.clear();
            durableSize = size;
        }

        void resize(long newSize) {
            cut(newSize);
            size = newSize;
            changed = ++lastChange;
            durablePages.clear();
            pages.forEach((page, content) -> durablePages.put(page, content.clone()));
            dirty.clear();
            durableSize = size;
        }

        private void cut(long newSize) {
            pages.keySet().removeIf(page -> page * PAGE_BYTES >= newSize);
            byte[] last = pages.get(newSize / PAGE_BYTES);
            if (last != null) {
                java.util.Arrays.fill(last, (int) (newSize % PAGE_BYTES), PAGE_BYTES, (byte) 0);
            }
        }

        void restart() {
            boolean all = random.nextInt(4) == 0;
            for (long page : dirty) {
                byte[] content = pages.get(page);
                byte[] before = durablePages.get(page);
                for (int sector = 0; content != null && sector < PAGE_BYTES; sector += SECTOR_BYTES) {
                    if (all || random.nextBoolean()) {
                        for (int i = sector; i < sector + SECTOR_BYTES; i++) {
                            content[i] = before == null ? 0 : before[i];
                        }
                    }
                }
            }
            if (size > durableSize && (all || random.nextBoolean())) {
                cut(durableSize);
                size = durableSize;
            }
            commit();
        }
    }

    private record Delayed(Request<?> request, long since) {}

    /** From now on, a lost request may be carried out at any moment of the next {@code nanos} of {@code time}. */
    public synchronized void delaying(long nanos, LongSupplier time) {
        delayNanos = nanos;
        clock = time;
    }

    /** Is called before each request and before its answer; may throw an Error to end the client. */
    public synchronized void aroundRequests(Runnable hook) {
        aroundRequests = hook;
    }

    /** From now on a restart breaks every connection, and may leave the verifier as it was. */
    public synchronized void coarseVerifier() {
        coarseVerifier = true;
    }

    /** From now on it refuses each write, commit and setattr with what {@code errno} says of it; 0: it does not, LOST: there is no answer. */
    public synchronized void refusing(ToIntFunction<String> errno) {
        refusals = errno;
    }

    private void refuse(String call) throws IOException {
        int errno = refusals.applyAsInt(call);
        if (errno == LOST) {
            throw new NfsLostException("simulated");
        }
        if (errno != 0) {
            throw new OsException(call, "simulated", errno);
        }
    }

    /** From now on its file system has another number, as by another export of the same folders. */
    public synchronized void fileSystem(long number) {
        fileSystem = number;
    }

    /** No more faults, and nothing late. */
    public synchronized void heal() {
        refusals = call -> 0;
        faultless = true;
        delayed.clear();
    }

    public synchronized int restarts() {
        return restarts;
    }

    public synchronized int lost() {
        return lost;
    }

    /** How many lost requests were carried out late. */
    public synchronized int late() {
        return late;
    }

    /** From now on it only loses requests and answers. */
    public synchronized void staysUp() {
        staysUp = true;
    }

    /** Everything that was not committed may be gone. */
    public synchronized void restart() {
        if (staysUp) {
            return;
        }
        restarts++;
        if (!coarseVerifier || random.nextBoolean()) {
            verifier += 1 + random.nextInt(5);
        }
        delayed.clear();
        inodes.values().forEach(Inode::restart);
    }

    /** What a file holds. */
    public synchronized byte[] content(String path) throws IOException {
        Inode inode = find("read", path);
        return inode.read(0, (int) inode.size);
    }

    /** Deletes a file and makes an empty one, which gets its number. */
    public synchronized void recreate(String path) throws IOException {
        Inode inode = find("recreate", path);
        inode.generation++;
        inode.resize(0);
    }

    /** The names of all files. */
    public synchronized List<String> names() {
        return List.copyOf(files.keySet());
    }

    private Inode find(String call, String path) throws OsException {
        Inode inode = files.get(path);
        if (inode == null) {
            throw new OsException(call, path, Errno.ENOENT);
        }
        return inode;
    }

    /** A connection. It is lost with every fault. */
    public synchronized NfsClient connect() throws IOException {
        fault();
        return new Client();
    }

    private boolean draw() {
        return !faultless && random.nextInt(1000) < faultsInThousand;
    }

    private void fault() throws NfsLostException {
        if (draw()) {
            lost++;
            if (random.nextInt(3) == 0) {
                restart();
            }
            throw new NfsLostException("simulated");
        }
    }

    private void carryOutLate() {
        for (int i = delayed.size() - 1; i >= 0; i--) {
            Delayed one = delayed.get(i);
            if (clock.getAsLong() - one.since() > delayNanos) {
                delayed.remove(i);
            } else if (random.nextInt(12) == 0) {
                delayed.remove(i);
                try {
                    one.request().run();
                    late++;
                } catch (IOException e) {
                    // Nobody hears of it.
                }
            }
        }
    }

    @FunctionalInterface
    private interface Request<T> {
        T run() throws IOException;
    }

    private final class Client implements NfsClient {
        private final int born = restarts;
        private boolean broken;

        private <T> T call(Request<T> request) throws IOException {
            synchronized (SimulatedNfs.this) {
                dieOrGoOn(request);
                carryOutLate();
                try {
                    requireAlive();
                    loseOrDelay(request);
                    requireAlive();
                    if (draw()) {
                        request.run(); // It comes twice.
                    }
                    T answer = request.run();
                    fault(); // The answer is lost.
                    aroundRequests.run();
                    return answer;
                } catch (NfsLostException e) {
                    broken = true;
                    throw e;
                }
            }
        }

        /** A client that is killed may have sent its last request. */
        private void dieOrGoOn(Request<?> request) {
            boolean died = true;
            try {
                aroundRequests.run();
                died = false;
            } finally {
                if (died && !broken && delayNanos > 0 && born == restarts && random.nextBoolean()) {
                    delayed.add(new Delayed(request, clock.getAsLong()));
                }
            }
        }

        private void requireAlive() throws NfsLostException {
            if (broken || (coarseVerifier && born != restarts)) {
                throw new NfsLostException("closed");
            }
        }

        private void loseOrDelay(Request<?> request) throws NfsLostException {
            try {
                fault();
            } catch (NfsLostException e) {
                // What a server has received dies with it.
                if (delayNanos > 0 && born == restarts && random.nextBoolean()) {
                    delayed.add(new Delayed(request, clock.getAsLong()));
                }
                throw e;
            }
        }

        @Override
        public int transferBytes() {
            return TRANSFER_BYTES;
        }

        @Override
        public NfsAttributes attributes(String path) throws IOException {
            return call(() -> {
                if (folders.contains(path)) {
                    return new NfsAttributes(fileSystem, path.hashCode() | 1L << 40, true, false, 0, 2, 0);
                }
                return attributesOf(find("stat", path));
            });
        }

        private NfsAttributes attributesOf(Inode inode) {
            return new NfsAttributes(
                    fileSystem, inode.id, false, true, inode.size, inode.names, inode.changed * 1_000_000_000L);
        }

        @Override
        public NfsAttributes attributes(NfsHandle file) throws IOException {
            return call(() -> attributesOf(inode(file)));
        }

        @Override
        public NfsHandle open(String path) throws IOException {
            return call(() -> handle(find("open", path)));
        }

        private NfsHandle handle(Inode inode) {
            return new NfsHandle(ByteBuffer.allocate(12)
                    .putLong(inode.id)
                    .putInt(inode.generation)
                    .array());
        }

        private Inode inode(NfsHandle handle) throws OsException {
            Inode inode = inodes.get(ByteBuffer.wrap(handle.bytes()).getLong());
            if (inode == null
                    || inode.names == 0
                    || inode.generation != ByteBuffer.wrap(handle.bytes()).getInt(8)) {
                throw new OsException("use", handle.toString(), Errno.ESTALE);
            }
            return inode;
        }

        @Override
        public NfsHandle create(String path, int mode) throws IOException {
            return call(() -> {
                demandParent("create", path);
                Inode inode = files.get(path);
                if (inode == null) {
                    inode = new Inode(++lastInode);
                    files.put(path, inode);
                    inodes.put(inode.id, inode);
                }
                inode.resize(0);
                return handle(inode);
            });
        }

        private void demandParent(String call, String path) throws OsException {
            int slash = path.lastIndexOf('/');
            if (!folders.contains(slash == 0 ? "/" : path.substring(0, slash))) {
                throw new OsException(call, path, Errno.ENOENT);
            }
        }

        @Override
        public void createFolder(String path, int mode) throws IOException {
            call(() -> {
                demandParent("mkdir", path);
                if (files.containsKey(path) || !folders.add(path)) {
                    throw new OsException("mkdir", path, Errno.EEXIST);
                }
                return 0;
            });
        }

        @Override
        public void link(String path, String newPath) throws IOException {
            call(() -> {
                Inode inode = find("link", path);
                demandParent("link", newPath);
                if (files.containsKey(newPath) || folders.contains(newPath)) {
                    throw new OsException("link", newPath, Errno.EEXIST);
                }
                files.put(newPath, inode);
                inode.names++;
                return 0;
            });
        }

        @Override
        public void rename(String path, String newPath) throws IOException {
            call(() -> {
                Inode inode = find("rename", path);
                demandParent("rename", newPath);
                Inode replaced = files.put(newPath, inode);
                if (replaced != inode) {
                    files.remove(path);
                    if (replaced != null) {
                        replaced.names--;
                    }
                }
                return 0;
            });
        }

        @Override
        public void remove(String path) throws IOException {
            call(() -> {
                find("remove", path).names--;
                files.remove(path);
                return 0;
            });
        }

        @Override
        public void removeFolder(String path) throws IOException {
            call(() -> {
                if (files.containsKey(path)) {
                    throw new OsException("rmdir", path, Errno.ENOTDIR);
                }
                if (!folders.contains(path)) {
                    throw new OsException("rmdir", path, Errno.ENOENT);
                }
                if (files.keySet().stream().anyMatch(name -> name.startsWith(path + "/"))
                        || folders.stream().anyMatch(name -> name.startsWith(path + "/"))) {
                    throw new OsException("rmdir", path, Errno.ENOTEMPTY);
                }
                folders.remove(path);
                return 0;
            });
        }

        @Override
        public void truncate(String path, long sizeBytes) throws IOException {
            call(() -> {
                find("truncate", path).resize(sizeBytes);
                return 0;
            });
        }

        @Override
        public void truncate(NfsHandle file, long sizeBytes) throws IOException {
            call(() -> {
                refuse("setattr");
                inode(file).resize(sizeBytes);
                return 0;
            });
        }

        @Override
        public List<NfsEntry> list(String path) throws IOException {
            return call(() -> {
                if (!folders.contains(path)) {
                    throw new OsException("list", path, Errno.ENOENT);
                }
                String start = path.equals("/") ? "/" : path + "/";
                List<NfsEntry> entries = new ArrayList<>();
                files.forEach((name, inode) -> {
                    if (name.startsWith(start) && name.indexOf('/', start.length()) < 0) {
                        entries.add(new NfsEntry(name.substring(start.length()), false, inode.size));
                    }
                });
                for (String folder : folders) {
                    if (folder.length() > start.length()
                            && folder.startsWith(start)
                            && folder.indexOf('/', start.length()) < 0) {
                        entries.add(new NfsEntry(folder.substring(start.length()), true, 0));
                    }
                }
                return entries;
            });
        }

        @Override
        public long freeBytes(String path) throws IOException {
            return call(() -> 1L << 40);
        }

        @Override
        public int read(NfsHandle file, long offsetBytes, ByteBuffer dst) throws IOException {
            int length = dst.remaining();
            byte[] got = call(() -> inode(file).read(offsetBytes, length));
            dst.put(got);
            return got.length;
        }

        /** Piece by piece, so that a restart can come between two. */
        @Override
        public Written write(NfsHandle file, long offsetBytes, ByteBuffer src, boolean stable) throws IOException {
            ByteBuffer from = src.duplicate();
            boolean oneVerifier = true;
            long last = 0;
            for (int at = 0; from.hasRemaining(); ) {
                byte[] part = new byte[Math.min(TRANSFER_BYTES, from.remaining())];
                from.get(part);
                long position = offsetBytes + at;
                if (draw()) {
                    restart(); // Without anybody seeing it but by the verifier: the connection is made again below.
                }
                long its = call(() -> {
                    refuse(stable ? "write stable" : "write");
                    Inode inode = inode(file);
                    inode.write(position, part);
                    if (stable) {
                        inode.commit();
                    }
                    return verifier;
                });
                oneVerifier &= at == 0 || its == last;
                last = its;
                at += part.length;
            }
            return new Written(stable, oneVerifier, last);
        }

        @Override
        public long commit(NfsHandle file) throws IOException {
            if (draw()) {
                restart();
            }
            return call(() -> {
                refuse("commit");
                inode(file).commit();
                return verifier;
            });
        }

        @Override
        public void close() {
            broken = true;
        }
    }
}
