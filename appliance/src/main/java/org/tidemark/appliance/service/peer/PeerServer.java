package org.tidemark.appliance.service.peer;

import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Any;
import jakarta.enterprise.inject.Instance;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.config.ApplianceConfig;
import org.tidemark.appliance.config.PeerListen;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.PeerEntry;
import org.tidemark.appliance.persistence.Peers;

/**
 * Waits for other appliances, where that is set. Each connection has a thread. Whoever comes with a certificate that is not known may
 * ask for one thing, to be paired with a secret; and is sent away for a while when the secret is wrong.
 */
@Singleton
public final class PeerServer {
    private static final Logger LOG = Logger.getLogger(PeerServer.class);
    private static final int MAX_CONNECTIONS = 64;
    private static final Duration HANDSHAKE_LIMIT = Duration.ofSeconds(10);
    /** Between two requests. */
    private static final Duration IDLE_LIMIT = Duration.ofMinutes(10);

    private static final long AFTER_A_WRONG_SECRET_MILLIS = 1_000;

    private final ApplianceConfig config;
    private final PeerLink link;
    private final Peers peers;
    private final Pairing pairing;
    private final Map<String, PeerRequests> requests = new HashMap<>();
    private final Semaphore room = new Semaphore(MAX_CONNECTIONS);
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private volatile boolean stopping;
    private @Nullable ServerSocket listening;

    @Inject
    public PeerServer(
            ApplianceConfig config, PeerLink link, Peers peers, Pairing pairing, @Any Instance<PeerRequests> handlers) {
        this.config = config;
        this.link = link;
        this.peers = peers;
        this.pairing = pairing;
        handlers.forEach(handler -> handler.operations().forEach(name -> requests.put(name, handler)));
    }

    /** After everything else, which answers what is asked. */
    void start(@Observes @Priority(Integer.MAX_VALUE - 1) StartupEvent event) throws IOException {
        if (config.peerListen().isEmpty()) {
            return;
        }
        PeerListen wanted = PeerListen.of(config.peerListen().get());
        SSLContext context = link.key().context(new PeerLink.Pinned(null));
        ServerSocket socket = new ServerSocket();
        try {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getByName(wanted.host()), wanted.port()));
        } catch (IOException e) {
            socket.close();
            throw new ApplianceException(
                    FailureKind.CONFLICT,
                    "cannot wait for other appliances on " + wanted.host() + ":" + wanted.port() + " (" + e.getMessage()
                            + "): give another address with TIDEMARK_PEER_LISTEN=HOST:PORT",
                    e);
        }
        listening = socket;
        pairing.reachedAt(config.peerAddress().orElse(wanted.address(socket.getLocalPort())));
        LOG.infof("waiting for other appliances on %s:%d", wanted.host(), socket.getLocalPort());
        begin(() -> accept(socket, context), "peers");
    }

    private static void begin(Runnable work, String name) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    private void accept(ServerSocket server, SSLContext context) {
        while (!stopping) {
            try {
                Socket socket = server.accept();
                if (!room.tryAcquire()) {
                    LOG.warnf("%s is sent away: %d connections are open", socket.getInetAddress(), MAX_CONNECTIONS);
                    socket.close();
                    continue;
                }
                begin(
                        () -> serveOne(socket, context),
                        "peer-" + socket.getInetAddress().getHostAddress());
            } catch (IOException e) {
                if (!stopping) {
                    LOG.warn("a connection of another appliance failed", e);
                }
            }
        }
    }

    private void serveOne(Socket socket, SSLContext context) {
        open.add(socket);
        try (socket) {
            socket.setTcpNoDelay(true);
            socket.setKeepAlive(true);
            socket.setSoTimeout((int) HANDSHAKE_LIMIT.toMillis());
            SSLSocket secure = (SSLSocket) context.getSocketFactory()
                    .createSocket(socket, socket.getInetAddress().getHostAddress(), socket.getPort(), true);
            secure.setUseClientMode(false);
            secure.setNeedClientAuth(true);
            secure.startHandshake();
            try (PeerChannel channel = new PeerChannel(secure)) {
                serve(channel);
            }
        } catch (IOException e) {
            LOG.debugf(e, "a connection from %s ended", socket.getInetAddress());
        } finally {
            open.remove(socket);
            room.release();
        }
    }

    private void serve(PeerChannel channel) throws IOException {
        String fingerprint = channel.fingerprint();
        while (!stopping) {
            Optional<Map<String, Object>> request = channel.receive();
            if (request.isEmpty()) {
                return;
            }
            channel.patience(IDLE_LIMIT);
            Optional<Map<String, Object>> answer;
            try {
                answer = answer(channel, fingerprint, request.get());
            } catch (IOException | RuntimeException e) {
                if (e instanceof RuntimeException && FailureKind.of(e) == FailureKind.FAILED) {
                    LOG.error("a request of another appliance met a defect", e);
                }
                channel.refuse(e);
                continue;
            }
            if (answer.isEmpty()) {
                return;
            }
            channel.send(answer.get());
        }
    }

    private Optional<Map<String, Object>> answer(PeerChannel channel, String fingerprint, Map<String, Object> request)
            throws IOException {
        String operation = String.valueOf(request.get("operation"));
        if (operation.equals(Pairing.OPERATION)) {
            return Optional.of(paired(fingerprint, request));
        }
        PeerEntry peer = peers.byFingerprint(fingerprint)
                .orElseThrow(() -> new ApplianceException(
                        FailureKind.NOT_PERMITTED,
                        "this appliance is not paired with that one; make an invitation with 'tidemark peer invite' here,"
                                + " and use it there"));
        PeerRequests handler = requests.get(operation);
        if (handler == null) {
            throw new ApplianceException(
                    FailureKind.UNSUPPORTED,
                    "the other appliance does not know how to '" + operation + "'; install the same version on both");
        }
        return handler.answer(new PeerRequests.Call(peer, operation, request, channel));
    }

    private Map<String, Object> paired(String fingerprint, Map<String, Object> request) throws IOException {
        try {
            return pairing.accept(fingerprint, request);
        } catch (ApplianceException e) {
            if (e.kind() == FailureKind.NOT_PERMITTED) {
                pause();
            }
            throw e;
        }
    }

    private static void pause() {
        try {
            Thread.sleep(AFTER_A_WRONG_SECRET_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    void stop(@Observes ShutdownEvent event) throws IOException {
        stopping = true;
        ServerSocket socket = listening;
        if (socket != null) {
            socket.close();
        }
        for (Socket one : open) {
            one.close();
        }
    }
}
