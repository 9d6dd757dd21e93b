package org.tidemark.appliance.service;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;

/** The link to an appliance, which can be cut. It cannot read what it passes on, but what was read by then can be looked at. */
final class PeerRelay implements Closeable {
    private static final int PIECE_BYTES = 1 << 16;
    private static final int CONNECT_MILLIS = 2_000;

    private final ServerSocket server;
    private final int behind;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private volatile BooleanSupplier reachable = () -> true;
    private volatile BooleanSupplier answering = () -> true;

    private PeerRelay(ServerSocket server, int behind) {
        this.server = server;
        this.behind = behind;
    }

    /** In front of a port of this host. */
    static PeerRelay before(int port) throws IOException {
        PeerRelay relay = new PeerRelay(new ServerSocket(0, 100, InetAddress.getLoopbackAddress()), port);
        start(relay::accept);
        return relay;
    }

    private static void start(Runnable work) {
        Thread thread = new Thread(work, "peer-relay");
        thread.setDaemon(true);
        thread.start();
    }

    int port() {
        return server.getLocalPort();
    }

    /** Connections that begin while this says no are cut. */
    void reachableWhile(BooleanSupplier when) {
        reachable = when;
    }

    /** Answers while this says no are lost, and their connections cut. */
    void answeringWhile(BooleanSupplier when) {
        answering = when;
    }

    void mend() {
        reachable = () -> true;
        answering = () -> true;
    }

    /** Cuts what is open. */
    void cut() {
        open.forEach(PeerRelay::close);
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket client = server.accept();
                start(() -> connect(client));
            } catch (IOException e) {
                // Closed, or a client that left again.
            }
        }
    }

    private void connect(Socket client) {
        if (!reachable.getAsBoolean()) {
            close(client);
            return;
        }
        Socket upstream = new Socket();
        open.add(client);
        open.add(upstream);
        try {
            upstream.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), behind), CONNECT_MILLIS);
        } catch (IOException e) {
            close(client);
            close(upstream);
            return;
        }
        start(() -> pass(upstream, client, true));
        pass(client, upstream, false);
    }

    private void pass(Socket from, Socket to, boolean answers) {
        byte[] piece = new byte[PIECE_BYTES];
        try (from;
                to;
                InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream()) {
            for (int length = in.read(piece); length > 0; length = in.read(piece)) {
                if (answers && !answering.getAsBoolean()) {
                    return;
                }
                out.write(piece, 0, length);
            }
        } catch (IOException e) {
            // Cut.
        } finally {
            open.remove(from);
            open.remove(to);
        }
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            // It is cut either way.
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
        cut();
    }
}
