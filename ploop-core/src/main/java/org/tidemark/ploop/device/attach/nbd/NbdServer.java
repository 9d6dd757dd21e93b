package org.tidemark.ploop.device.attach.nbd;

import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Serves exports on a Unix socket that only its owner may use. Exports come and go while it runs; a client that uses one
 * keeps it until it disconnects.
 */
public final class NbdServer implements Closeable {
    private static final System.Logger LOG = System.getLogger(NbdServer.class.getName());
    private static final int MAX_CONNECTIONS = 64;

    private final Path socket;
    private final ServerSocketChannel listener;
    private final Map<String, NbdExport> exports = new ConcurrentHashMap<>();
    private final Set<NbdConnection> connections = ConcurrentHashMap.newKeySet();
    private final Thread acceptor;
    private volatile boolean closed;

    public NbdServer(Path socket) throws IOException {
        this.socket = socket;
        Files.deleteIfExists(socket);
        listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(socket));
        Files.setPosixFilePermissions(socket, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
        acceptor = new Thread(this::accept, "nbd-accept");
        acceptor.setDaemon(true);
        acceptor.start();
    }

    public Path socket() {
        return socket;
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
                if (connections.size() >= MAX_CONNECTIONS) {
                    channel.close();
                    continue;
                }
                NbdConnection connection = new NbdConnection(
                        channel, exports::get, () -> List.copyOf(exports.values()), connections::remove);
                connections.add(connection);
                connection.start();
            } catch (IOException e) {
                if (!closed) {
                    LOG.log(System.Logger.Level.WARNING, "NBD server on " + socket + " could not accept", e);
                }
            }
        }
    }

    @Override
    public void close() throws IOException {
        closed = true;
        listener.close();
        connections.forEach(NbdConnection::close);
        Files.deleteIfExists(socket);
    }
}
