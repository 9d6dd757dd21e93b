package org.tidemark.appliance.service.export;

import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.config.ApplianceConfig;
import org.tidemark.appliance.config.NbdListen;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.service.Host;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.attach.nbd.NbdExport;
import org.tidemark.ploop.device.attach.nbd.NbdServer;

/**
 * What is exported over NBD, and the servers that export it: a Unix socket in the run folder, which only root may use, and a TCP
 * port where one is set. Safe for many threads.
 */
@Singleton
public final class Exports {
    private static final Logger LOG = Logger.getLogger(Exports.class);
    /** The device server has connections for so many, if each is used as much as it can be. */
    private static final int MAX_EXPORTS = 36;

    private static final int NAME_BYTES = 16;
    private static final String SOCKET = "exports.sock";

    private final Host host;
    private final ApplianceConfig config;
    private final SecureRandom random = new SecureRandom();
    private final Map<String, Open> open = new ConcurrentHashMap<>();
    /** Guarded by this, as the next. */
    private @Nullable NbdServer local;

    private @Nullable NbdServer remote;
    private @Nullable NbdListen listen;

    /**
     * An export as others see it.
     *
     * @param exportId its secret name
     * @param what in words
     * @param uri for programs of other hosts; null when no port is set
     * @param localUri for programs of this host
     * @param bitmap name of the dirty bitmap that says what changed; null when everything is to be read
     * @param checkpoint what a later instant can count from; null for anything but an instant
     */
    public record Export(
            String exportId,
            String what,
            @Nullable String uri,
            String localUri,
            long sizeBytes,
            boolean writable,
            @Nullable String bitmap,
            @Nullable String checkpoint,
            @Nullable String notice,
            Instant exportedAt) {}

    /** Something to export. The device, and whatever it rests on, belongs to this object. */
    public interface Subject {
        String what();

        BlockDevice device();

        /** Whether TRIM means "I have read this". */
        default boolean takesTrim() {
            return false;
        }

        default Map<String, NbdExport.DirtyContext> bitmaps() {
            return Map.of();
        }

        default @Nullable String checkpoint() {
            return null;
        }

        /** What the user should know. */
        default @Nullable String notice() {
            return null;
        }

        /**
         * Ends it.
         *
         * @param done whether its reader has all it wanted, so that the next instant may count from this one
         */
        void end(boolean done) throws IOException;
    }

    private record Open(Export export, Subject subject) {}

    @Inject
    public Exports(Host host, ApplianceConfig config) {
        this.host = host;
        this.config = config;
    }

    /** A port that cannot be had ends the start, with a sentence. */
    void start(@Observes StartupEvent event) throws IOException {
        if (config.nbdListen().isPresent()) {
            NbdListen wanted = NbdListen.of(config.nbdListen().get());
            synchronized (this) {
                listen = wanted;
                remote = bind(wanted);
            }
            LOG.infof("NBD exports at %s", wanted.uri(port(), ""));
        }
    }

    private static NbdServer bind(NbdListen wanted) throws IOException {
        try {
            return NbdServer.onPort(new InetSocketAddress(wanted.host(), wanted.port()), wanted.tls());
        } catch (IOException | java.nio.channels.UnresolvedAddressException e) {
            throw ApplianceException.conflict("cannot listen for NBD on " + wanted.host() + ":" + wanted.port() + " ("
                    + e.getMessage() + "): another program has the port? Stop it, or set another with"
                    + " TIDEMARK_NBD_LISTEN=HOST:PORT");
        }
    }

    void stop(@Observes ShutdownEvent event) {
        for (String id : List.copyOf(open.keySet())) {
            try {
                remove(id, false);
            } catch (IOException | RuntimeException e) {
                LOG.debug("ending an export", e);
            }
        }
    }

    private synchronized int port() throws IOException {
        NbdServer running = remote;
        return running == null ? -1 : running.port();
    }

    private synchronized NbdServer local() throws IOException {
        NbdServer running = local;
        if (running == null) {
            running = NbdServer.onSocket(socket());
            local = running;
        }
        return running;
    }

    private Path socket() throws IOException {
        return host.runFolder().path().resolve(SOCKET);
    }

    /** Oldest first. */
    public List<Export> all() {
        List<Export> all = new ArrayList<>();
        open.values().forEach(one -> all.add(one.export()));
        all.sort(Comparator.comparing(Export::exportedAt).thenComparing(Export::exportId));
        return all;
    }

    /** To be asked before anything is opened, let alone frozen. */
    public void requireRoom() throws IOException {
        if (open.size() >= MAX_EXPORTS) {
            throw ApplianceException.conflict(
                    MAX_EXPORTS + " exports are open; end some with 'tidemark export remove'");
        }
    }

    /** Exports something from now on. When that fails, {@code subject} has been ended. */
    public Export add(Subject subject) throws IOException {
        boolean done = false;
        try {
            requireRoom();
            Export export = describe(subject, name());
            NbdExport served = new NbdExport(
                    export.exportId(),
                    subject.what(),
                    subject.device(),
                    subject.takesTrim(),
                    new TreeMap<>(subject.bitmaps()));
            local().add(served);
            synchronized (this) {
                if (remote != null) {
                    remote.add(served);
                }
            }
            open.put(export.exportId(), new Open(export, subject));
            done = true;
            return export;
        } finally {
            if (!done) {
                subject.end(false);
            }
        }
    }

    private String name() {
        byte[] bytes = new byte[NAME_BYTES];
        random.nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    private Export describe(Subject subject, String name) throws IOException {
        int port = port();
        String uri;
        synchronized (this) {
            uri = listen == null ? null : listen.uri(port, name);
        }
        return new Export(
                name,
                subject.what(),
                uri,
                "nbd+unix:///" + name + "?socket=" + socket(),
                subject.device().sizeBytes(),
                subject.device().writable(),
                subject.bitmaps().keySet().stream().findFirst().orElse(null),
                subject.checkpoint(),
                subject.notice(),
                Instant.now());
    }

    /**
     * Ends an export and disconnects its clients.
     *
     * @param done whether its reader has all it wanted
     */
    public void remove(String exportId, boolean done) throws IOException {
        Open ended = Optional.ofNullable(open.remove(exportId))
                .orElseThrow(() -> ApplianceException.notFound("there is no such export"));
        local().remove(exportId);
        synchronized (this) {
            if (remote != null) {
                remote.remove(exportId);
            }
        }
        ended.subject().end(done);
    }
}
