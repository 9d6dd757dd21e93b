package org.tidemark.ploop.os;

import java.io.Closeable;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A Unix-domain connection that keeps message boundaries (SOCK_SEQPACKET) and carries descriptors (SCM_RIGHTS), which the
 * channels of the JDK cannot do. A received descriptor is a duplicate with close-on-exec set; it belongs to the receiver.
 *
 * <p>Every call has a time limit; passing it is an {@link OsException} with ETIMEDOUT. One thread sends and one receives
 * at a time; {@link #close} may come from any thread once.
 */
public final class UnixSocket implements Closeable {
    /** The longest message in bytes. */
    public static final int MAX_MESSAGE_BYTES = 64 * 1024;
    /** The most descriptors in one message; a limit of the kernel. */
    public static final int MAX_DESCRIPTORS = 253;

    private static final int AF_UNIX = 1;
    private static final int DATAGRAM = 2;
    private static final int SEQPACKET = 5;
    private static final int NON_BLOCKING = 0x800;
    private static final int CLOSE_ON_EXEC = 0x80000;
    private static final int NO_SIGNAL = 0x4000;
    private static final int RECEIVE_CLOSE_ON_EXEC = 0x40000000;
    private static final int TRUNCATED = 0x20;
    private static final int CONTROL_TRUNCATED = 0x8;
    private static final int SOL_SOCKET = 1;
    private static final int SCM_RIGHTS = 1;
    private static final int BACKLOG = 64;
    private static final int PATH_LIMIT_BYTES = 107;
    private static final int CONTROL_HEADER_BYTES = 16;
    private static final int MESSAGE_HEADER_BYTES = 56;

    private final int fd;
    private final String name;
    private final AtomicBoolean closed = new AtomicBoolean();
    /** Of the receiving thread. */
    private @Nullable ByteBuffer incoming;

    private UnixSocket(int fd, String name) {
        this.fd = fd;
        this.name = name;
    }

    /** One message with the descriptors that came along. */
    public record Message(byte[] bytes, List<NativeFile> descriptors) {
        /** The bytes as UTF-8. */
        public String text() {
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }

    /** Listens at {@code path}; a socket file that lies there already is replaced. Only this user may connect. */
    public static UnixSocket listen(Path path) throws IOException {
        UnixSocket socket = create(path.toString(), SEQPACKET);
        try {
            Files.deleteIfExists(path);
            ByteBuffer address = address(path);
            socket.check("bind", LibC.C.bind(socket.fd, NativeMemory.address(address), address.capacity()));
            Reference.reachabilityFence(address);
            Files.setPosixFilePermissions(path, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
            socket.check("listen", LibC.C.listen(socket.fd, BACKLOG));
            return socket;
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    /**
     * A socket for messages that nobody answers (SOCK_DGRAM), to whoever listens at {@code address}: a path, or a name in the
     * abstract namespace, which begins with {@code @}.
     */
    static UnixSocket datagramsTo(String address) throws IOException {
        ByteBuffer bytes = address.startsWith("@") ? abstractAddress(address) : address(Path.of(address));
        UnixSocket socket = create(address, DATAGRAM);
        try {
            socket.check("connect", LibC.C.connect(socket.fd, NativeMemory.address(bytes), bytes.capacity()));
            Reference.reachabilityFence(bytes);
            return socket;
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    /** Connects to the listener at {@code path}. */
    public static UnixSocket connect(Path path, Duration limit) throws IOException {
        ByteBuffer address = address(path);
        UnixSocket socket = create(path.toString(), SEQPACKET);
        long end = System.nanoTime() + limit.toNanos();
        while (true) {
            int result = LibC.C.connect(socket.fd, NativeMemory.address(address), address.capacity());
            int errno = result < 0 ? LibC.errno() : 0;
            Reference.reachabilityFence(address);
            if (result == 0) {
                return socket;
            }
            boolean full = errno == Errno.EAGAIN || errno == Errno.EINTR;
            if (!full || System.nanoTime() - end > 0) {
                socket.close();
                throw new OsException("connect", path.toString(), full ? Errno.ETIMEDOUT : errno);
            }
            java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
        }
    }

    /** Two connected ends inside this process. */
    public static List<UnixSocket> pair() throws IOException {
        ByteBuffer two = ByteBuffer.allocateDirect(8).order(ByteOrder.nativeOrder());
        if (LibC.C.socketpair(AF_UNIX, SEQPACKET | NON_BLOCKING | CLOSE_ON_EXEC, 0, NativeMemory.address(two)) != 0) {
            throw new OsException("socketpair", "unix socket", LibC.errno());
        }
        return List.of(new UnixSocket(two.getInt(0), "pair, first end"), new UnixSocket(two.getInt(4), "pair, second"));
    }

    private static UnixSocket create(String name, int type) throws OsException {
        int fd = LibC.C.socket(AF_UNIX, type | NON_BLOCKING | CLOSE_ON_EXEC, 0);
        if (fd < 0) {
            throw new OsException("socket", name, LibC.errno());
        }
        return new UnixSocket(fd, name);
    }

    private static ByteBuffer address(Path path) throws IOException {
        byte[] bytes = path.toString().getBytes(StandardCharsets.UTF_8);
        if (bytes.length > PATH_LIMIT_BYTES) {
            throw new IOException(
                    path + ": a socket's path has at most " + PATH_LIMIT_BYTES + " bytes; choose a shorter folder");
        }
        ByteBuffer address = ByteBuffer.allocateDirect(2 + bytes.length + 1).order(ByteOrder.nativeOrder());
        address.putShort((short) AF_UNIX).put(bytes).put((byte) 0);
        return address;
    }

    /** Without a zero at its end: every byte counts. */
    private static ByteBuffer abstractAddress(String name) {
        byte[] bytes = name.substring(1).getBytes(StandardCharsets.UTF_8);
        ByteBuffer address = ByteBuffer.allocateDirect(2 + 1 + bytes.length).order(ByteOrder.nativeOrder());
        address.putShort((short) AF_UNIX).put((byte) 0).put(bytes);
        return address;
    }

    /** The next connection, or null when none came in time. */
    public @Nullable UnixSocket accept(Duration limit) throws IOException {
        if (Poll.await(fd, Poll.READABLE, name, limit) == 0) {
            return null;
        }
        int accepted = LibC.C.accept4(fd, 0, 0, NON_BLOCKING | CLOSE_ON_EXEC);
        if (accepted < 0) {
            int errno = LibC.errno();
            if (errno == Errno.EAGAIN || errno == Errno.EINTR || errno == Errno.ECONNABORTED) {
                return null;
            }
            throw new OsException("accept", name, errno);
        }
        return new UnixSocket(accepted, name);
    }

    /** Sends one message. The descriptors stay open here; the receiver gets duplicates. */
    public void send(byte[] bytes, List<NativeFile> descriptors, Duration limit) throws IOException {
        if (bytes.length == 0 || bytes.length > MAX_MESSAGE_BYTES || descriptors.size() > MAX_DESCRIPTORS) {
            throw new IllegalArgumentException(bytes.length + " bytes, " + descriptors.size() + " descriptors");
        }
        ByteBuffer payload = ByteBuffer.allocateDirect(bytes.length).put(bytes);
        ByteBuffer control = null;
        if (!descriptors.isEmpty()) {
            int length = CONTROL_HEADER_BYTES + 4 * descriptors.size();
            control = ByteBuffer.allocateDirect((length + 7) & -8).order(ByteOrder.nativeOrder());
            control.putLong(length).putInt(SOL_SOCKET).putInt(SCM_RIGHTS);
            for (NativeFile descriptor : descriptors) {
                control.putInt(descriptor.fd());
            }
        }
        ByteBuffer header = header(payload, control);
        while (true) {
            long sent = LibC.C.sendmsg(fd, NativeMemory.address(header), NO_SIGNAL);
            int errno = sent < 0 ? LibC.errno() : 0;
            Reference.reachabilityFence(header);
            if (sent >= 0) {
                break;
            }
            if (errno == Errno.EAGAIN) {
                if (Poll.await(fd, Poll.WRITABLE, name, limit) == 0) {
                    throw new OsException("send", name, Errno.ETIMEDOUT);
                }
            } else if (errno != Errno.EINTR) {
                throw new OsException("send", name, errno);
            }
        }
        Reference.reachabilityFence(payload);
        Reference.reachabilityFence(control);
        Reference.reachabilityFence(descriptors);
    }

    /** The next message, or null when the other side has closed. */
    public @Nullable Message receive(Duration limit) throws IOException {
        ByteBuffer payload = incoming;
        if (payload == null) {
            payload = ByteBuffer.allocateDirect(MAX_MESSAGE_BYTES);
            incoming = payload;
        }
        ByteBuffer control = ByteBuffer.allocateDirect(CONTROL_HEADER_BYTES + 4 * MAX_DESCRIPTORS + 12)
                .order(ByteOrder.nativeOrder());
        ByteBuffer header = header(payload, control);
        while (true) {
            if (Poll.await(fd, Poll.READABLE, name, limit) == 0) {
                throw new OsException("receive", name, Errno.ETIMEDOUT);
            }
            long received = LibC.C.recvmsg(fd, NativeMemory.address(header), RECEIVE_CLOSE_ON_EXEC);
            int errno = received < 0 ? LibC.errno() : 0;
            Reference.reachabilityFence(header);
            Reference.reachabilityFence(control);
            if (received > 0) {
                return message(payload, (int) received, control, header);
            }
            if (received == 0 || errno == ECONNRESET) {
                return null;
            }
            if (errno != Errno.EINTR && errno != Errno.EAGAIN) {
                throw new OsException("receive", name, errno);
            }
        }
    }

    private static final int ECONNRESET = 104;

    private Message message(ByteBuffer payload, int length, ByteBuffer control, ByteBuffer header) throws IOException {
        List<NativeFile> descriptors = new ArrayList<>();
        long controlBytes = header.getLong(40);
        if (controlBytes >= CONTROL_HEADER_BYTES
                && control.getInt(8) == SOL_SOCKET
                && control.getInt(12) == SCM_RIGHTS) {
            for (int at = CONTROL_HEADER_BYTES; at + 4 <= control.getLong(0); at += 4) {
                descriptors.add(NativeFile.adopt(control.getInt(at), "descriptor from " + name));
            }
        }
        if ((header.getInt(48) & (TRUNCATED | CONTROL_TRUNCATED)) != 0) {
            for (NativeFile descriptor : descriptors) {
                descriptor.close();
            }
            throw new IOException(name + ": a message was longer than allowed, or descriptors did not fit");
        }
        byte[] bytes = new byte[length];
        payload.get(0, bytes);
        return new Message(bytes, descriptors);
    }

    /** struct msghdr with one iovec behind it. */
    private static ByteBuffer header(ByteBuffer payload, @Nullable ByteBuffer control) {
        ByteBuffer header = ByteBuffer.allocateDirect(MESSAGE_HEADER_BYTES + 16).order(ByteOrder.nativeOrder());
        header.putLong(16, NativeMemory.address(header) + MESSAGE_HEADER_BYTES);
        header.putLong(24, 1);
        header.putLong(32, control == null ? 0 : NativeMemory.address(control));
        header.putLong(40, control == null ? 0 : control.capacity());
        header.putLong(MESSAGE_HEADER_BYTES, NativeMemory.address(payload));
        header.putLong(MESSAGE_HEADER_BYTES + 8, payload.capacity());
        return header;
    }

    /** To be sent over another socket; still owned by this one. */
    NativeFile descriptor() {
        return NativeFile.adopt(fd, name);
    }

    /** Waits up to {@code limit} for the other side to go away; true when it has. */
    public boolean awaitHangUp(Duration limit) throws IOException {
        return (Poll.await(fd, (short) 0, name, limit) & Poll.HANG_UP) != 0;
    }

    private void check(String call, int result) throws OsException {
        if (result != 0) {
            throw new OsException(call, name, LibC.errno());
        }
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            LibC.C.close(fd);
        }
    }
}
