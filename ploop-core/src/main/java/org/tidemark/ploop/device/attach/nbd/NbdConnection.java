package org.tidemark.ploop.device.attach.nbd;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/** One client: its negotiation, then its threads. */
final class NbdConnection {
    private static final System.Logger LOG = System.getLogger(NbdConnection.class.getName());

    private final SocketChannel channel;
    private final Wire wire;
    private final ServerHandshake handshake;
    private final Function<String, @Nullable NbdExport> find;
    private final Consumer<NbdConnection> onEnd;
    private final int threads;
    /** Held while one request, with its payload, is read. */
    private final ReentrantLock reading = new ReentrantLock();
    /** Held while one answer, or one chunk of it, is written. */
    private final ReentrantLock writing = new ReentrantLock();

    private final long begunNanos = System.nanoTime();
    private final AtomicInteger running = new AtomicInteger();
    private volatile @Nullable NbdExport export;

    NbdConnection(
            SocketChannel channel,
            Function<String, @Nullable NbdExport> find,
            Supplier<List<NbdExport>> all,
            @Nullable SSLContext tls,
            Consumer<NbdConnection> onEnd,
            int threads) {
        this.threads = threads;
        this.channel = channel;
        this.wire = new Wire(channel);
        this.handshake = new ServerHandshake(wire, find, all, tls);
        this.find = find;
        this.onEnd = onEnd;
    }

    /** Whether it has not said what it wants for so long. */
    boolean idlesSince(long nanos) {
        return export == null && System.nanoTime() - begunNanos > nanos;
    }

    boolean serves(String exportName) {
        NbdExport now = export;
        return now != null && now.name().equals(exportName);
    }

    void start() {
        thread(this::negotiate, "nbd-hello");
    }

    private static void thread(Runnable body, String name) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        thread.start();
    }

    private void negotiate() {
        boolean served = false;
        try {
            served = begin(handshake.run());
        } catch (IOException e) {
            LOG.log(System.Logger.Level.DEBUG, "NBD negotiation ended: {0}", e.getMessage());
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.WARNING, "NBD negotiation ended", e);
        } catch (OutOfMemoryError e) {
            LOG.log(System.Logger.Level.ERROR, "no memory or thread for one more NBD connection: " + e.getMessage());
        } finally {
            if (!served) {
                end();
            }
        }
    }

    /** Whether threads have begun that will end the connection. */
    private boolean begin(ServerHandshake.@Nullable Agreed agreed) {
        if (agreed == null) {
            return false;
        }
        export = agreed.export();
        if (find.apply(agreed.export().name()) != agreed.export()) {
            // It was withdrawn while this client was being answered, and nobody knew that it has a client.
            return false;
        }
        List<NbdWorker> workers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            workers.add(new NbdWorker(agreed, wire, reading, writing));
        }
        running.set(threads);
        for (NbdWorker worker : workers) {
            thread(() -> serve(worker), "nbd-" + agreed.export().name());
        }
        return true;
    }

    private void serve(NbdWorker worker) {
        try {
            worker.run();
        } catch (EOFException | ClosedChannelException e) {
            LOG.log(System.Logger.Level.DEBUG, "NBD client went away");
        } catch (IOException | RuntimeException e) {
            LOG.log(System.Logger.Level.WARNING, "NBD connection ended: " + e.getMessage());
        } finally {
            close();
            if (running.decrementAndGet() == 0) {
                end();
            }
        }
    }

    private void end() {
        close();
        onEnd.accept(this);
    }

    void close() {
        try {
            channel.close();
        } catch (IOException e) {
            LOG.log(System.Logger.Level.DEBUG, "closing an NBD connection: {0}", e.getMessage());
        }
    }

    /** An empty buffer in network byte order. */
    static ByteBuffer buffer(int capacity) {
        return ByteBuffer.allocateDirect(capacity);
    }
}
