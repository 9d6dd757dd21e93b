package org.tidemark.backup.target.nfs;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.ProbeStep;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.target.nfs.NfsWire.Answer;
import org.tidemark.backup.target.nfs.NfsWire.Call;
import org.tidemark.ploop.os.nfs.NfsLocation;

/**
 * The child process that has libnfs: {@code NfsTargetProcess SOCKET}. Serves one target over the Unix socket, one thread for each
 * connection, until its standard input ends; then it ends, too.
 */
public final class NfsTargetProcess {
    /** Connections to the server. */
    static final int CONNECTIONS = 4;
    /** What it says when it can be connected to. */
    static final String READY = "ready";

    private static final int SMALL_BYTES = 64 << 10;
    private static final int READ_BYTES = 4 << 20;
    private static final int BATCH = 500;
    private static final long BUSY_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final SecureRandom random = new SecureRandom();
    private final AtomicReference<@Nullable NfsFolder> target = new AtomicReference<>();
    /** Room for what is written and not committed; bounds it for the whole process. */
    private final BlockingQueue<ByteBuffer> windows = new ArrayBlockingQueue<>(CONNECTIONS);

    private NfsTargetProcess() {
        for (int i = 0; i < CONNECTIONS; i++) {
            windows.add(ByteBuffer.allocateDirect(0));
        }
    }

    /** Serves until the parent has gone. */
    public static void main(String[] arguments) throws IOException {
        Path socket = Path.of(arguments[0]);
        NfsTargetProcess process = new NfsTargetProcess();
        try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            listener.bind(UnixDomainSocketAddress.of(socket));
            start("parent", () -> awaitParent(socket));
            System.out.println(READY);
            while (true) {
                SocketChannel channel = listener.accept();
                start("connection", () -> process.serve(new NfsWire(channel)));
            }
        } finally {
            Files.deleteIfExists(socket);
        }
    }

    private static void start(String name, Runnable work) {
        Thread thread = new Thread(null, work, name, 256 << 10);
        thread.setDaemon(true);
        thread.start();
    }

    private static void awaitParent(Path socket) {
        try {
            while (System.in.read() >= 0) {
                // It only ever ends.
            }
        } catch (IOException e) {
            // So it has ended.
        }
        // The parent removes these when it can.
        for (Path left : List.of(socket, socket.resolveSibling("err"), socket.resolveSibling(""))) {
            try {
                Files.deleteIfExists(left);
            } catch (IOException e) {
                // The parent is at it, too.
            }
        }
        Runtime.getRuntime().halt(0);
    }

    private void serve(NfsWire wire) {
        try (wire) {
            while (true) {
                DataInputStream call = wire.receive();
                Connection connection = new Connection(wire);
                try {
                    connection.answer(Call.values()[call.readByte()], call);
                } catch (TargetException e) {
                    refuse(wire, e);
                } catch (RuntimeException | Error e) {
                    refuse(
                            wire,
                            TargetException.passing(Kind.RETRYABLE, "the NFS client process failed: " + e, e, null));
                }
            }
        } catch (IOException e) {
            // The parent hung up, or has no more use for this call.
        }
    }

    private static void refuse(NfsWire wire, TargetException e) throws IOException {
        wire.send(Answer.FAILURE, out -> {
            out.writeByte(e.kind().ordinal());
            out.writeBoolean(e.mayPass());
            out.writeUTF(NfsWire.bounded(e.getMessage()));
        });
    }

    /** One call. */
    private final class Connection {
        private final NfsWire wire;
        private long lastSaid = System.nanoTime();
        private boolean broken;

        Connection(NfsWire wire) {
            this.wire = wire;
        }

        /** Says now and then that the server answers. */
        private void busy() {
            if (System.nanoTime() - lastSaid > BUSY_NANOS && !broken) {
                lastSaid = System.nanoTime();
                try {
                    wire.send(Answer.BUSY, out -> {});
                } catch (IOException e) {
                    broken = true; // Found again by whoever sends next.
                }
            }
        }

        private NfsFolder folder() throws TargetException {
            NfsFolder open = target.get();
            if (open == null) {
                throw new TargetException(Kind.RETRYABLE, "the target is not open");
            }
            open.listener(this::busy);
            return open;
        }

        void answer(Call call, DataInputStream in) throws IOException {
            switch (call) {
                case OPEN -> open(in);
                case PUT -> put(in.readUTF(), in.readLong());
                case GET ->
                    get(
                            in.readUTF(),
                            new ByteRange(ByteRange.Kind.values()[in.readByte()], in.readLong(), in.readInt()));
                case STAT -> {
                    long sizeBytes = folder().stat(in.readUTF());
                    wire.send(Answer.OK, out -> out.writeLong(sizeBytes));
                }
                case LIST -> list(in.readUTF());
                case FOLDERS -> folders(in.readUTF());
                case VALIDATE -> {
                    folder().validate();
                    wire.send(Answer.OK, out -> {});
                }
                case PROBE -> probe(NfsLocation.parse(in.readUTF()), Duration.ofMillis(in.readLong()));
                default -> throw new IOException("unknown call");
            }
        }

        private void open(DataInputStream in) throws IOException {
            NfsLocation location = NfsLocation.parse(in.readUTF());
            boolean create = in.readBoolean();
            Duration patience = Duration.ofMillis(in.readLong());
            NfsSession first = NfsSession.of(location, patience);
            first.listener(this::busy);
            NfsFolder opened = NfsFolder.open(location, create, CONNECTIONS, first, random);
            first.listener(() -> {});
            if (!target.compareAndSet(null, opened)) {
                opened.close();
            }
            wire.send(Answer.OK, out -> out.writeUTF(opened.id()));
        }

        private void put(String key, long sizeBytes) throws IOException {
            NfsFolder folder = folder();
            ByteBuffer window =
                    sizeBytes <= SMALL_BYTES ? ByteBuffer.allocateDirect((int) sizeBytes) : takeWindow(sizeBytes);
            try {
                folder.put(key, sizeBytes, window, part -> {
                    wire.send(Answer.WANT, out -> out.writeInt(part.remaining()));
                    wire.receiveBytes(part);
                });
            } finally {
                if (sizeBytes > SMALL_BYTES) {
                    windows.add(window);
                }
            }
            wire.send(Answer.OK, out -> {});
        }

        private ByteBuffer takeWindow(long sizeBytes) throws IOException {
            try {
                ByteBuffer window = null;
                while (window == null) {
                    window = windows.poll(1, TimeUnit.SECONDS);
                    busy();
                }
                if (window.capacity() >= Math.min(sizeBytes, NfsFolder.WINDOW_BYTES)) {
                    return window;
                }
                ByteBuffer larger = null;
                try {
                    larger = ByteBuffer.allocateDirect(sizeBytes > READ_BYTES ? NfsFolder.WINDOW_BYTES : READ_BYTES);
                    return larger;
                } finally {
                    if (larger == null) {
                        windows.add(window);
                    }
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted", e);
            }
        }

        private void get(String key, ByteRange range) throws IOException {
            NfsFolder folder = folder();
            ByteBuffer[] room = {ByteBuffer.allocateDirect(0)};
            boolean large = range.lengthBytes() > SMALL_BYTES;
            if (large) {
                room[0] = takeWindow(Math.min(range.lengthBytes(), READ_BYTES));
            }
            long[] size = new long[1];
            try {
                folder.get(
                        key,
                        range,
                        (sizeBytes, restBytes) -> {
                            size[0] = sizeBytes;
                            if (room[0].capacity() == 0) {
                                room[0] = ByteBuffer.allocateDirect(Math.max(1, restBytes));
                            }
                            return room[0].clear().limit(Math.min(room[0].capacity(), READ_BYTES));
                        },
                        part -> {
                            wire.send(Answer.PART, out -> {
                                out.writeLong(size[0]);
                                out.writeInt(part.remaining());
                            });
                            wire.sendBytes(part);
                        });
            } finally {
                if (large) {
                    windows.add(room[0]);
                }
            }
            wire.send(Answer.OK, out -> {});
        }

        private void list(String prefix) throws IOException {
            List<String> keys = new ArrayList<>();
            List<Long> sizes = new ArrayList<>();
            folder().list(prefix, (key, sizeBytes) -> {
                keys.add(key);
                sizes.add(sizeBytes);
                if (keys.size() == BATCH) {
                    tell(keys, sizes);
                }
            });
            tell(keys, sizes);
            wire.send(Answer.OK, out -> {});
        }

        private void folders(String prefix) throws IOException {
            List<String> names = new ArrayList<>();
            folder().listFolders(prefix, names::add);
            for (int i = 0; i < names.size(); i += BATCH) {
                List<String> batch = names.subList(i, Math.min(names.size(), i + BATCH));
                tell(
                        new ArrayList<>(batch),
                        new ArrayList<>(batch.stream().map(name -> 0L).toList()));
            }
            wire.send(Answer.OK, out -> {});
        }

        private void tell(List<String> keys, List<Long> sizes) throws TargetException {
            try {
                wire.send(Answer.ENTRIES, out -> {
                    out.writeInt(keys.size());
                    for (int i = 0; i < keys.size(); i++) {
                        out.writeUTF(keys.get(i));
                        out.writeLong(sizes.get(i));
                    }
                });
            } catch (IOException e) {
                throw new TargetException(Kind.RETRYABLE, "the listing is not wanted any more", e);
            }
            keys.clear();
            sizes.clear();
        }

        private void probe(NfsLocation location, Duration patience) throws IOException {
            NfsSession session = NfsSession.of(location, patience);
            session.listener(this::busy);
            NewNfsFolder.Result result = NewNfsFolder.probe(location, session, random);
            wire.send(Answer.OK, out -> {
                out.writeBoolean(result.isTarget());
                out.writeInt(result.steps().size());
                for (ProbeStep step : result.steps()) {
                    out.writeUTF(step.name());
                    out.writeBoolean(step.ok());
                    out.writeLong(step.millis());
                    out.writeUTF(NfsWire.bounded(step.detail()));
                }
                TargetException failure = result.failure();
                out.writeBoolean(failure != null);
                if (failure != null) {
                    out.writeByte(failure.kind().ordinal());
                    out.writeUTF(NfsWire.bounded(failure.getMessage()));
                }
            });
        }
    }
}
