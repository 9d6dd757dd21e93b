package org.tidemark.ploop.os.nfs;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.NativeMemory;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.Poll;

/** An export, mounted by libnfs over one TCP connection. */
public final class NfsConnection implements NfsClient {
    private static final int MAX_TRANSFER_BYTES = 1 << 20;
    private static final int REQUESTS_AT_A_TIME = 8;
    private static final Duration LOOK = Duration.ofMillis(200);

    private static final int ARGUMENTS_BYTES = 96;
    private static final int READ_COUNT = 104;
    private static final int READ_END = 108;
    private static final int READ_LENGTH = 112;
    private static final int READ_DATA = 120;
    private static final int WRITE_COUNT = 136;
    private static final int WRITE_COMMITTED = 140;
    private static final int WRITE_VERIFIER = 144;
    private static final int COMMIT_VERIFIER = 136;
    private static final int RPC_ATTRIBUTES = 8;
    private static final int SETATTR_SIZE = 40;
    private static final int UNSTABLE = 0;
    private static final int FILE_SYNC = 2;

    /** What libnfs says when a request failed below NFS, such as a mount service that is not registered. */
    private static final int EFAULT = 14;

    /** A folder, in a listing. */
    private static final int NF3DIR = 2;

    private static final int NF3REG = 1;

    private static final int TYPE_MASK = 0xf000;
    private static final int TYPE_FOLDER = 0x4000;
    private static final int TYPE_REGULAR = 0x8000;

    private final LibNfs lib;
    private final String name;
    private final Duration limit;
    private final Runnable answered;
    private final NfsCalls calls = new NfsCalls();
    /** The handle, then the arguments of one request. */
    private final ByteBuffer arguments =
            ByteBuffer.allocateDirect(NfsHandle.MAX_BYTES + ARGUMENTS_BYTES).order(ByteOrder.nativeOrder());
    /** 0 when closed or lost. */
    private long nfs;

    private int transferBytes = MAX_TRANSFER_BYTES;

    private NfsConnection(LibNfs lib, String name, Duration limit, Runnable answered, long nfs) {
        this.lib = lib;
        this.name = name;
        this.limit = limit;
        this.answered = answered;
        this.nfs = nfs;
    }

    /**
     * Mounts {@code export}.
     *
     * @param limit how long the server may take for any one request
     * @param answered called whenever the server has answered something, on the thread that waits for it; must not call
     *     this object
     * @throws OsException what the server's mount service refuses it with
     * @throws NfsLostException when it cannot be reached
     * @throws IOException when libnfs is not installed
     */
    public static NfsConnection open(NfsServer server, String export, Duration limit, Runnable answered)
            throws IOException {
        LibNfs lib = library();
        long nfs = lib.nfs_init_context();
        if (nfs == 0) {
            throw new OsException("nfs_init_context", server.host(), Errno.ENOMEM);
        }
        NfsConnection connection = new NfsConnection(lib, server.host() + ":" + export, limit, answered, nfs);
        try {
            connection.configure(server);
            connection.path(
                    "mount",
                    export,
                    token -> lib.nfs_mount_async(nfs, server.host(), export, connection.calls.pathCallback(), token),
                    data -> export);
            long best = Math.min(lib.nfs_get_readmax(nfs), lib.nfs_get_writemax(nfs));
            // What a connection that is given up, or whose process dies, has not sent must never arrive.
            UnsentData.discardedAtClose(lib.nfs_get_fd(nfs), connection.name);
            connection.transferBytes = (int) Math.max(4096, Math.min(best, MAX_TRANSFER_BYTES) & -4096);
            return connection;
        } catch (IOException | RuntimeException e) {
            connection.close();
            throw e;
        }
    }

    /**
     * The paths that a server exports.
     *
     * @throws NfsLostException when it cannot be reached
     */
    public static List<String> exports(NfsServer server, Duration limit) throws IOException {
        LibNfs lib = library();
        long rpc = lib.rpc_init_context();
        if (rpc == 0) {
            throw new OsException("rpc_init_context", server.host(), Errno.ENOMEM);
        }
        NfsCalls calls = new NfsCalls();
        try {
            List<String> exports = new ArrayList<>();
            int[] answer = {Integer.MIN_VALUE};
            long token = calls.begin((status, data) -> {
                answer[0] = status;
                for (long at = status == 0 && data != 0 ? NativeStruct.address(data) : 0;
                        at != 0;
                        at = NativeStruct.address(at + 16)) {
                    exports.add(NativeStruct.text(NativeStruct.address(at)));
                }
            });
            int result = lib.mount_getexports_async(rpc, server.host(), calls.rpcCallback(), token);
            long end = System.nanoTime() + limit.toNanos();
            boolean lost = result != 0;
            while (!lost && answer[0] == Integer.MIN_VALUE) {
                int events = Poll.await(lib.rpc_get_fd(rpc), (short) lib.rpc_which_events(rpc), server.host(), LOOK);
                lost = lib.rpc_service(rpc, events) < 0 || System.nanoTime() - end > 0;
                calls.check();
            }
            if (answer[0] != 0) {
                throw new NfsLostException("NFS server " + server.host() + " does not tell what it exports: "
                        + NativeStruct.text(lib.rpc_get_error(rpc)));
            }
            return exports;
        } finally {
            lib.rpc_destroy_context(rpc);
        }
    }

    /** Whether this host has the library. */
    public static boolean isInstalled() {
        try {
            return Loaded.LIBRARY != null;
        } catch (LinkageError e) {
            return false;
        }
    }

    private static LibNfs library() throws IOException {
        try {
            return Loaded.LIBRARY;
        } catch (LinkageError e) {
            throw new IOException(
                    "the library libnfs is not installed on this host; install it (Debian: apt install libnfs13)", e);
        }
    }

    private static final class Loaded {
        static final LibNfs LIBRARY = LibNfs.load();
    }

    private void configure(NfsServer server) throws IOException {
        lib.nfs_set_version(nfs, 3);
        lib.nfs_set_autoreconnect(nfs, 0);
        lib.nfs_set_dircache(nfs, 0);
        server.uid().ifPresent(uid -> lib.nfs_set_uid(nfs, uid));
        server.gid().ifPresent(gid -> lib.nfs_set_gid(nfs, gid));
        // There is no other way to say these. Other exports below this one are nobody's business: one that refuses us
        // would
        // make the mount fail.
        StringBuilder url = new StringBuilder("nfs://host/?version=3&auto-traverse-mounts=0");
        server.nfsPort().ifPresent(port -> url.append("&nfsport=").append(port));
        server.mountPort().ifPresent(port -> url.append("&mountport=").append(port));
        long parsed = lib.nfs_parse_url_dir(nfs, url.toString());
        if (parsed == 0) {
            throw new OsException("nfs_parse_url_dir", name, Errno.EINVAL);
        }
        lib.nfs_destroy_url(parsed);
    }

    @Override
    public int transferBytes() {
        return transferBytes;
    }

    @Override
    public NfsAttributes attributes(String path) throws IOException {
        return path(
                "stat",
                path,
                token -> lib.nfs_stat64_async(nfs, path, calls.pathCallback(), token),
                NfsConnection::attributesAt);
    }

    @Override
    public NfsAttributes attributes(NfsHandle file) throws IOException {
        NfsAttributes[] found = new NfsAttributes[1];
        new Requests(file, 0, 1)
                .run(
                        (at, length, token) -> {
                            putArguments(file, 0, 0);
                            return lib.rpc_nfs3_getattr_async(rpc(), calls.rpcCallback(), argumentsAddress(), token);
                        },
                        (at, length, data) -> {
                            found[0] = attributesOfRpc(data + RPC_ATTRIBUTES);
                            return length;
                        });
        return found[0];
    }

    private static NfsAttributes attributesOfRpc(long attributes) {
        int type = NativeStruct.integer(attributes);
        return new NfsAttributes(
                NativeStruct.longInteger(attributes + 48),
                NativeStruct.longInteger(attributes + 56),
                type == NF3DIR,
                type == NF3REG,
                NativeStruct.longInteger(attributes + 24),
                NativeStruct.integer(attributes + 8),
                NativeStruct.integer(attributes + 72) * 1_000_000_000L + NativeStruct.integer(attributes + 76));
    }

    @Override
    public void truncate(NfsHandle file, long sizeBytes) throws IOException {
        new Requests(file, 0, 1)
                .run(
                        (at, length, token) -> {
                            putArguments(file, 0, 0);
                            // Mode, user and group stay, the size is set, the times are the server's, no guard.
                            for (int word = 16; word < ARGUMENTS_BYTES; word += 4) {
                                arguments.putInt(NfsHandle.MAX_BYTES + word, 0);
                            }
                            arguments
                                    .putInt(NfsHandle.MAX_BYTES + SETATTR_SIZE, 1)
                                    .putLong(NfsHandle.MAX_BYTES + SETATTR_SIZE + 8, sizeBytes);
                            return lib.rpc_nfs3_setattr_async(rpc(), calls.rpcCallback(), argumentsAddress(), token);
                        },
                        (at, length, data) -> length);
    }

    private static NfsAttributes attributesAt(long stat) {
        int type = (int) NativeStruct.longInteger(stat + 16) & TYPE_MASK;
        return new NfsAttributes(
                NativeStruct.longInteger(stat),
                NativeStruct.longInteger(stat + 8),
                type == TYPE_FOLDER,
                type == TYPE_REGULAR,
                NativeStruct.longInteger(stat + 56),
                NativeStruct.longInteger(stat + 24),
                NativeStruct.longInteger(stat + 88) * 1_000_000_000L + NativeStruct.longInteger(stat + 112));
    }

    @Override
    public NfsHandle open(String path) throws IOException {
        return handle(path(
                "open", path, token -> lib.nfs_open_async(nfs, path, 0, calls.pathCallback(), token), file -> file));
    }

    @Override
    public NfsHandle create(String path, int mode) throws IOException {
        return handle(path(
                "create",
                path,
                token -> lib.nfs_creat_async(nfs, path, mode, calls.pathCallback(), token),
                file -> file));
    }

    /** Takes the handle out of an open file of libnfs, and closes that, which sends nothing. */
    private NfsHandle handle(long file) throws IOException {
        long handle = file == 0 ? 0 : lib.nfs_get_fh(file);
        if (handle == 0) {
            throw new IOException(name + ": libnfs gave no handle");
        }
        int length = NativeStruct.integer(handle);
        byte[] bytes = NativeStruct.bytes(NativeStruct.address(handle + 8), Math.min(length, NfsHandle.MAX_BYTES));
        path("close", name, token -> lib.nfs_close_async(nfs, file, calls.pathCallback(), token), data -> 0);
        return new NfsHandle(bytes);
    }

    @Override
    public void createFolder(String path, int mode) throws IOException {
        path("mkdir", path, token -> lib.nfs_mkdir2_async(nfs, path, mode, calls.pathCallback(), token), data -> 0);
    }

    @Override
    public void link(String path, String newPath) throws IOException {
        path("link", newPath, token -> lib.nfs_link_async(nfs, path, newPath, calls.pathCallback(), token), data -> 0);
    }

    @Override
    public void rename(String path, String newPath) throws IOException {
        path(
                "rename",
                newPath,
                token -> lib.nfs_rename_async(nfs, path, newPath, calls.pathCallback(), token),
                data -> 0);
    }

    @Override
    public void remove(String path) throws IOException {
        path("remove", path, token -> lib.nfs_unlink_async(nfs, path, calls.pathCallback(), token), data -> 0);
    }

    @Override
    public void removeFolder(String path) throws IOException {
        path("rmdir", path, token -> lib.nfs_rmdir_async(nfs, path, calls.pathCallback(), token), data -> 0);
    }

    @Override
    public void truncate(String path, long sizeBytes) throws IOException {
        path(
                "truncate",
                path,
                token -> lib.nfs_truncate_async(nfs, path, sizeBytes, calls.pathCallback(), token),
                data -> 0);
    }

    @Override
    public List<NfsEntry> list(String path) throws IOException {
        long folder = path(
                "list", path, token -> lib.nfs_opendir_async(nfs, path, calls.pathCallback(), token), data -> data);
        if (folder == 0) {
            throw new IOException(name + ": libnfs gave no folder");
        }
        List<NfsEntry> entries = new ArrayList<>();
        List<String> unknown = new ArrayList<>();
        try {
            for (long entry = lib.nfs_readdir(nfs, folder); entry != 0; entry = lib.nfs_readdir(nfs, folder)) {
                String entryName = NativeStruct.text(NativeStruct.address(entry + 8));
                int type = NativeStruct.integer(entry + 24);
                if (entryName.equals(".") || entryName.equals("..")) {
                    continue;
                }
                if (type == 0) {
                    unknown.add(entryName);
                } else {
                    entries.add(new NfsEntry(entryName, type == NF3DIR, NativeStruct.longInteger(entry + 32)));
                }
            }
        } finally {
            lib.nfs_closedir(nfs, folder);
        }
        for (String entryName : unknown) {
            addUnknown(entries, path, entryName);
        }
        return entries;
    }

    /** libnfs keeps to itself when it could not find out what a name is; a listing without it would be wrong. */
    private void addUnknown(List<NfsEntry> entries, String path, String entryName) throws IOException {
        try {
            NfsAttributes attributes = attributes(path.equals("/") ? "/" + entryName : path + "/" + entryName);
            entries.add(new NfsEntry(entryName, attributes.folder(), attributes.sizeBytes()));
        } catch (OsException e) {
            if (e.errno() != Errno.ENOENT) {
                throw e;
            }
        }
    }

    @Override
    public long freeBytes(String path) throws IOException {
        return path(
                "statvfs",
                path,
                token -> lib.nfs_statvfs64_async(nfs, path, calls.pathCallback(), token),
                data -> NativeStruct.longInteger(data + 8) * NativeStruct.longInteger(data + 32));
    }

    @FunctionalInterface
    private interface Start {
        int with(long token);
    }

    @FunctionalInterface
    private interface Take<T> {
        T from(long dataAddress);
    }

    /** One call of the kind that goes by path. */
    private <T> T path(String call, String subject, Start start, Take<T> take) throws IOException {
        demandOpen();
        int[] error = {Integer.MAX_VALUE};
        List<T> result = new ArrayList<>(1);
        long token = calls.begin((status, data) -> {
            error[0] = status;
            if (status >= 0) {
                result.add(take.from(data));
            }
        });
        try {
            if (start.with(token) != 0) {
                calls.forget(token);
                throw lost("cannot send a request (" + lastError() + ")");
            }
            // A call may be many requests, such as a listing: each answer gives the server time anew.
            long end = System.nanoTime() + limit.toNanos();
            while (error[0] == Integer.MAX_VALUE) {
                if (serve(end)) {
                    end = System.nanoTime() + limit.toNanos();
                    answered.run();
                }
            }
            calls.check();
        } catch (Throwable e) {
            close(); // What is under way must not come back later.
            throw e;
        }
        if (error[0] == -EFAULT || error[0] == -Errno.EINTR) {
            throw lost("no answer to " + call + " (" + lastError() + ")");
        }
        if (error[0] < 0) {
            throw new OsException(call, name + " " + subject, -error[0]);
        }
        return result.get(0);
    }

    @Override
    public int read(NfsHandle file, long offsetBytes, ByteBuffer dst) throws IOException {
        Requests requests = new Requests(file, offsetBytes, dst.remaining());
        long address = NativeMemory.address(dst) + dst.position();
        requests.run(
                (at, length, token) -> {
                    putArguments(file, offsetBytes + at, length);
                    return lib.rpc_nfs3_read_async(rpc(), calls.rpcCallback(), argumentsAddress(), token);
                },
                (at, length, data) -> {
                    int sent =
                            Math.min(NativeStruct.integer(data + READ_COUNT), NativeStruct.integer(data + READ_LENGTH));
                    int got = Math.max(0, Math.min(sent, length));
                    NativeStruct.copy(NativeStruct.address(data + READ_DATA), address + at, got);
                    if (NativeStruct.integer(data + READ_END) != 0) {
                        requests.endsAt(at + got);
                        return length;
                    }
                    return got;
                });
        Reference.reachabilityFence(dst);
        int got = requests.end;
        dst.position(dst.position() + got);
        return got;
    }

    @Override
    public Written write(NfsHandle file, long offsetBytes, ByteBuffer src, boolean stable) throws IOException {
        if (!src.hasRemaining()) {
            throw new IllegalArgumentException("nothing to write");
        }
        Requests requests = new Requests(file, offsetBytes, src.remaining());
        long address = NativeMemory.address(src) + src.position();
        boolean[] durable = {true};
        boolean[] oneVerifier = {true};
        long[] verifier = {0, 0};
        requests.run(
                (at, length, token) -> {
                    putArguments(file, offsetBytes + at, length);
                    arguments
                            .putInt(NfsHandle.MAX_BYTES + 28, stable ? FILE_SYNC : UNSTABLE)
                            .putInt(NfsHandle.MAX_BYTES + 32, length)
                            .putLong(NfsHandle.MAX_BYTES + 40, address + at);
                    return lib.rpc_nfs3_write_async(rpc(), calls.rpcCallback(), argumentsAddress(), token);
                },
                (at, length, data) -> {
                    durable[0] &= NativeStruct.integer(data + WRITE_COMMITTED) == FILE_SYNC;
                    long its = NativeStruct.longInteger(data + WRITE_VERIFIER);
                    oneVerifier[0] &= verifier[1]++ == 0 || its == verifier[0];
                    verifier[0] = its;
                    return Math.min(NativeStruct.integer(data + WRITE_COUNT), length);
                });
        Reference.reachabilityFence(src);
        return new Written(durable[0], oneVerifier[0], verifier[0]);
    }

    @Override
    public long commit(NfsHandle file) throws IOException {
        long[] verifier = new long[1];
        Requests requests = new Requests(file, 0, 1);
        requests.run(
                (at, length, token) -> {
                    // From 0 and 0 bytes is all of the file.
                    putArguments(file, 0, 0);
                    return lib.rpc_nfs3_commit_async(rpc(), calls.rpcCallback(), argumentsAddress(), token);
                },
                (at, length, data) -> {
                    verifier[0] = NativeStruct.longInteger(data + COMMIT_VERIFIER);
                    return length;
                });
        return verifier[0];
    }

    private long rpc() {
        return lib.nfs_get_rpc_context(nfs);
    }

    private long argumentsAddress() {
        return NativeMemory.address(arguments) + NfsHandle.MAX_BYTES;
    }

    /** Handle, position and length, as READ, WRITE and COMMIT have them. libnfs has copied them when its call returns. */
    private void putArguments(NfsHandle file, long offsetBytes, int length) {
        byte[] bytes = file.bytes();
        arguments.put(0, bytes);
        arguments
                .putInt(NfsHandle.MAX_BYTES, bytes.length)
                .putLong(NfsHandle.MAX_BYTES + 8, NativeMemory.address(arguments))
                .putLong(NfsHandle.MAX_BYTES + 16, offsetBytes)
                .putInt(NfsHandle.MAX_BYTES + 24, length);
    }

    /** Sends the request for {@code length} bytes at {@code at} of the buffer. */
    @FunctionalInterface
    private interface Send {
        int request(int at, int length, long token);
    }

    /** Takes an answer; returns how many bytes it dealt with. */
    @FunctionalInterface
    private interface Receive {
        int answer(int at, int length, long dataAddress);
    }

    /** One transfer in many requests, several of them on their way. */
    private final class Requests {
        private final NfsHandle file;
        private final long offsetBytes;
        private final List<int[]> again = new ArrayList<>();
        private int next;
        private int end;
        private int underWay;
        private int answers;
        private int failedStatus;
        private boolean cancelled;

        Requests(NfsHandle file, long offsetBytes, int length) {
            this.file = file;
            this.offsetBytes = offsetBytes;
            end = length;
        }

        /** The file ends here; what is behind it is not asked for any more. */
        void endsAt(int at) {
            end = Math.min(end, at);
        }

        void run(Send send, Receive receive) throws IOException {
            demandOpen();
            try {
                transfer(send, receive);
            } catch (Throwable e) {
                close(); // An answer that comes later would be written into memory that is somebody else's by then.
                throw e;
            }
            if (failedStatus != 0) {
                throw new OsException("transfer at " + offsetBytes, name + " file " + file, errnoOf(failedStatus));
            }
        }

        private int errnoOf(int status) {
            return status == NFS3ERR_DQUOT ? Errno.EDQUOT : -lib.nfsstat3_to_errno(status);
        }

        private void transfer(Send send, Receive receive) throws IOException {
            long deadline = System.nanoTime() + limit.toNanos();
            int seen = 0;
            while (underWay > 0 || (failedStatus == 0 && (next < end || !again.isEmpty()))) {
                while (failedStatus == 0 && underWay < REQUESTS_AT_A_TIME && (next < end || !again.isEmpty())) {
                    int[] part = again.isEmpty()
                            ? new int[] {next, Math.min(transferBytes, end - next)}
                            : again.remove(again.size() - 1);
                    next = Math.max(next, part[0] + part[1]);
                    send(part, send, receive);
                }
                if (answers != seen) {
                    seen = answers;
                    deadline = System.nanoTime() + limit.toNanos();
                    answered.run();
                }
                serve(deadline);
                if (cancelled) {
                    throw lost("a request was given up");
                }
            }
            calls.check();
        }

        private void send(int[] part, Send send, Receive receive) throws IOException {
            long token = calls.begin((status, data) -> {
                underWay--;
                answers++;
                int result = status == 0 ? NativeStruct.integer(data) : 0;
                if (status != 0) {
                    cancelled = true;
                    return;
                }
                if (result != 0) {
                    failedStatus = result;
                    return;
                }
                int done = receive.answer(part[0], part[1], data);
                if (done <= 0) {
                    failedStatus = NFS3ERR_IO;
                } else if (done < part[1]) {
                    again.add(new int[] {part[0] + done, part[1] - done});
                }
            });
            underWay++;
            if (send.request(part[0], part[1], token) != 0) {
                calls.forget(token);
                throw lost("cannot send a request (" + lastError() + ")");
            }
        }
    }

    private static final int NFS3ERR_IO = 5;
    /** libnfs makes something else of it. */
    private static final int NFS3ERR_DQUOT = 69;

    /** Sends and receives for a while. Returns whether something came. */
    private boolean serve(long end) throws IOException {
        demandOpen();
        int events = Poll.await(lib.nfs_get_fd(nfs), (short) lib.nfs_which_events(nfs), name, LOOK);
        if (lib.nfs_service(nfs, events) < 0) {
            throw lost("the connection broke (" + lastError() + ")");
        }
        boolean came = (events & Poll.READABLE) != 0;
        if (!came && System.nanoTime() - end > 0) {
            throw lost("no answer in " + limit.toSeconds() + " s");
        }
        return came;
    }

    private String lastError() {
        String said = NativeStruct.text(lib.nfs_get_error(nfs));
        return said.isEmpty() ? "no reason given" : said;
    }

    private NfsLostException lost(String reason) {
        NfsLostException lost = new NfsLostException("NFS server " + name + ": " + reason);
        close();
        return lost;
    }

    private void demandOpen() throws NfsLostException {
        if (nfs == 0) {
            throw new NfsLostException("NFS server " + name + ": the connection is closed");
        }
    }

    @Override
    public void close() {
        long was = nfs;
        nfs = 0;
        if (was != 0) {
            lib.nfs_destroy_context(was);
        }
    }

    /** What messages call it. */
    @Override
    public @Nullable String toString() {
        return name;
    }
}
