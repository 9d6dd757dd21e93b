package org.tidemark.backup.target.nfs;

import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.target.Pauses;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.NfsClient;
import org.tidemark.ploop.os.nfs.NfsConnection;
import org.tidemark.ploop.os.nfs.NfsLocation;
import org.tidemark.ploop.os.nfs.NfsLostException;

/**
 * A connection to a location that is opened anew when it breaks. One thread at a time.
 *
 * <p>An operation is repeated as a whole: it must be one that does no harm when it has happened already.
 */
final class NfsSession implements Closeable {
    private static final Duration FIRST_PAUSE = Duration.ofMillis(50);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(2);

    /** How many times as long one call may last, however much the server answers. */
    private static final int MOST = 10;

    /** Opens connections. */
    @FunctionalInterface
    interface Connector {
        NfsClient connect(String export, Runnable answered) throws IOException;
    }

    /** Tells what a server exports. */
    @FunctionalInterface
    interface Exports {
        List<String> list() throws IOException;
    }

    /** Something to do with a connection. */
    @FunctionalInterface
    interface Operation<T> {
        T with(NfsClient client) throws IOException;
    }

    private final NfsLocation location;
    private final Exports exports;
    private final Connector connector;
    private final Duration patience;
    private final Pauses pauses;
    private Runnable listener = () -> {};
    private long lastAnswer;
    private @Nullable NfsClient client;
    private @Nullable String export;

    NfsSession(NfsLocation location, Exports exports, Connector connector, Duration patience, Pauses pauses) {
        this.location = location;
        this.exports = exports;
        this.connector = connector;
        this.patience = patience;
        this.pauses = pauses;
    }

    static NfsSession of(NfsLocation location, Duration patience) {
        return new NfsSession(
                location,
                () -> NfsConnection.exports(location.server(), patience),
                (export, answered) -> NfsConnection.open(location.server(), export, patience, answered),
                patience,
                Pauses.REAL);
    }

    /** Is told of every answer of the server from now on. */
    void listener(Runnable answered) {
        listener = answered;
    }

    private void answered() {
        lastAnswer = pauses.nanoTime();
        listener.run();
    }

    /** Another one to the same export, which is known from then on. */
    NfsSession sibling() {
        NfsSession sibling = new NfsSession(location, exports, connector, patience, pauses);
        sibling.export = export;
        return sibling;
    }

    /** Where the target's folder is within the export: empty, or begins with '/'. Connects. */
    String folder() throws IOException {
        return call(
                connected -> location.path().substring(String.valueOf(export).length()));
    }

    /** The longest export that the path lies in. A server that keeps its list to itself is asked for the whole path. */
    private String chooseExport() throws IOException {
        if (location.server().mountPort().isPresent()) {
            return location.path(); // The port mapper, which the list needs, is perhaps not reachable.
        }
        List<String> known;
        try {
            known = exports.list();
        } catch (NfsLostException e) {
            return location.path();
        }
        Optional<String> export = location.exportAmong(known);
        if (export.isEmpty()) {
            throw new TargetException(
                    Kind.UNREACHABLE,
                    "server " + location.server().host() + " does not export " + location.path()
                            + (known.isEmpty() ? "; it exports nothing" : "; it exports " + String.join(", ", known))
                            + ". Check the address, or the server's exports");
        }
        return export.get();
    }

    /**
     * Does {@code operation}, again and again while the server is away or asks for patience, until it has not answered for as
     * long as it may.
     */
    <T> T call(Operation<T> operation) throws IOException {
        long begun = pauses.nanoTime();
        lastAnswer = begun;
        long askedForPatience = 0;
        for (int attempt = 0; ; attempt++) {
            try {
                return operation.with(connected());
            } catch (NfsLostException e) {
                close();
                // A server that answers a little each time, and never to the end, is given up, too.
                pause(attempt, pauses.nanoTime() - begun > MOST * patience.toNanos() ? begun : lastAnswer, e);
            } catch (OsException e) {
                if (e.errno() == Errno.ESTALE) {
                    close(); // The root may be another one by now.
                }
                if (e.errno() != Errno.EAGAIN) {
                    throw e;
                }
                askedForPatience = askedForPatience == 0 ? pauses.nanoTime() : askedForPatience;
                pause(attempt, askedForPatience, e);
            }
        }
    }

    /** What a connection costs is no answer to what was asked. */
    private NfsClient connected() throws IOException {
        NfsClient now = client;
        if (now == null) {
            long answerBefore = lastAnswer;
            boolean mountedBefore = export != null;
            String path = export == null ? chooseExport() : export;
            if (!mountedBefore) {
                answerBefore = pauses.nanoTime();
            }
            try {
                now = connector.connect(path.isEmpty() ? "/" : path, this::answered);
            } catch (OsException e) {
                boolean refused = e.errno() == Errno.EACCES || e.errno() == Errno.EPERM || e.errno() == Errno.ENOENT;
                if (refused && mountedBefore) {
                    // A server that starts answers so until it has read its exports.
                    throw new NfsLostException(String.valueOf(e.getMessage()));
                }
                if (refused) {
                    throw new TargetException(
                            Kind.UNREACHABLE,
                            "server " + location.server().host() + " does not let this host mount " + path
                                    + "; allow it in the server's exports, or check the address (" + e.getMessage()
                                    + ")",
                            e);
                }
                throw e;
            } finally {
                lastAnswer = answerBefore;
            }
            client = now;
            export = path;
        }
        return now;
    }

    private void pause(int attempt, long since, IOException why) throws IOException {
        long pauseNanos = Math.min(LONGEST_PAUSE.toNanos(), FIRST_PAUSE.toNanos() << Math.min(attempt, 10));
        if (pauses.nanoTime() + pauseNanos - since > patience.toNanos()) {
            throw why;
        }
        try {
            pauses.sleep(Duration.ofNanos(pauseNanos));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw why;
        }
    }

    @Override
    public void close() {
        NfsClient now = client;
        client = null;
        if (now != null) {
            now.close();
        }
    }
}
