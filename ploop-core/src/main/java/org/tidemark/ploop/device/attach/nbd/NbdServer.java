package org.tidemark.ploop.device.attach.nbd;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * Serves exports, on a Unix socket that only its owner may use, or on a TCP port. Exports come and go while it runs; a client
 * that uses one keeps it until it disconnects or the export is withdrawn.
 *
 * <p>On TCP whoever knows the name of an export may use it, so names there must be secrets, and nobody is told a list. With TLS
 * nothing is answered in the clear. A client that does not say what it wants within half a minute gives way to others.
 */
public final class NbdServer implements Closeable {
    private static final System.Logger LOG = System.getLogger(NbdServer.class.getName());
    private static final int MAX_CONNECTIONS = 64;
    private static final int THREADS = 4;
    /** Each may have four buffers of half a megabyte. */
    private static final int MAX_TCP_CONNECTIONS = 16;

    private static final long LONGEST_HELLO_NANOS = 30_000_000_000L;

    private final ServerSocketChannel listener;
    private final @Nullable Path socket;
    private final @Nullable Supplier<SSLContext> tls;
    private final int maxConnections;
    private final int threadsEach;
    private final Map<String, NbdExport> exports = new ConcurrentHashMap<>();
    private final Set<NbdConnection> connections = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    private NbdServer(
            ServerSocketChannel listener,
            @Nullable Path socket,
            @Nullable Supplier<SSLContext> tls,
            int maxConnections,
            int threadsEach) {
        this.threadsEach = threadsEach;
        this.listener = listener;
        this.socket = socket;
        this.tls = tls;
        this.maxConnections = maxConnections;
        Thread acceptor = new Thread(this::accept, "nbd-accept");
        acceptor.setDaemon(true);
        acceptor.start();
    }

    /** Listens at {@code socket}; what lies there already is replaced. */
    public static NbdServer onSocket(Path socket) throws IOException {
        return onSocket(socket, MAX_CONNECTIONS, THREADS);
    }

    /**
     * As {@link #onSocket(Path)}.
     *
     * @param maxConnections at once; one more is closed at once
     * @param threadsEach requests of one connection that are carried out at once, with a buffer of half a megabyte each
     */
    public static NbdServer onSocket(Path socket, int maxConnections, int threadsEach) throws IOException {
        Files.deleteIfExists(socket);
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(socket));
        Files.setPosixFilePermissions(socket, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
        return new NbdServer(listener, socket, null, maxConnections, threadsEach);
    }

    /**
     * Listens on a TCP port.
     *
     * @param tls asked for each connection; null for connections in the clear, which only this host should be able to make
     */
    public static NbdServer onPort(InetSocketAddress address, @Nullable Supplier<SSLContext> tls) throws IOException {
        ServerSocketChannel listener = ServerSocketChannel.open();
        try {
            listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            listener.bind(address);
        } catch (IOException | RuntimeException e) {
            listener.close();
            throw e;
        }
        return new NbdServer(listener, null, tls, MAX_TCP_CONNECTIONS, THREADS);
    }

    /** The Unix socket. */
    public Path socket() {
        return java.util.Objects.requireNonNull(socket, "listens on a port");
    }

    /** The TCP port; -1 on a Unix socket. */
    public int port() throws IOException {
        return listener.getLocalAddress() instanceof InetSocketAddress address ? address.getPort() : -1;
    }

    /** Offers an export; its name must be free. */
    public void add(NbdExport export) {
        if (exports.putIfAbsent(export.name(), export) != null) {
            throw new IllegalArgumentException("there is an export named '" + export.name() + "' already");
        }
    }

    /** Withdraws an export and disconnects its clients. */
    public void remove(String name) {
        exports.remove(name);
        for (NbdConnection connection : connections) {
            if (connection.serves(name)) {
                connection.close();
            }
        }
    }

    public @Nullable NbdExport export(String name) {
        return exports.get(name);
    }

    private void accept() {
        while (!closed) {
            try {
                SocketChannel channel = listener.accept();
                connections.stream()
                        .filter(one -> one.idlesSince(LONGEST_HELLO_NANOS))
                        .forEach(NbdConnection::close);
                admit(channel);
            } catch (IOException | RuntimeException | OutOfMemoryError e) {
                // Without memory or a thread for one more, the next may find some; those that are connected go on.
                if (!closed) {
                    LOG.log(System.Logger.Level.WARNING, "NBD server on " + listener + " could not accept", e);
                }
            }
        }
    }

    /** Closes the channel of one that is not served, so that nobody waits for an answer. */
    private void admit(SocketChannel channel) throws IOException {
        NbdConnection connection = null;
        boolean served = false;
        try {
            if (connections.size() >= maxConnections) {
                return;
            }
            if (socket == null) {
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            }
            connection = new NbdConnection(
                    channel,
                    exports::get,
                    () -> socket == null ? List.of() : List.copyOf(exports.values()),
                    tls == null ? null : tls.get(),
                    connections::remove,
                    threadsEach);
            connections.add(connection);
            connection.start();
            served = true;
        } finally {
            if (!served) {
                channel.close();
                if (connection != null) {
                    connections.remove(connection);
                }
            }
        }
    }

    @Override
    public void close() throws IOException {
        closed = true;
        listener.close();
        connections.forEach(NbdConnection::close);
        if (socket != null) {
            Files.deleteIfExists(socket);
        }
    }
}
