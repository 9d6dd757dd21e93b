package org.tidemark.backup.target.nfs;

import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.BlobKeys;
import org.tidemark.backup.target.BlobVisitor;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.ProbeStep;
import org.tidemark.backup.target.TargetCapabilities;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.target.TargetMarker;
import org.tidemark.backup.target.nfs.NfsWire.Answer;
import org.tidemark.backup.target.nfs.NfsWire.Call;
import org.tidemark.ploop.os.JavaCommand;
import org.tidemark.ploop.os.nfs.NfsLocation;

/**
 * A folder on an NFS server as a target, without a mount. The work is done by a child process; see the package page. Safe
 * for many threads, processes and hosts.
 */
public final class NfsTarget implements BackupTarget {
    /** How long a server may be away before a call fails. */
    public static final Duration PATIENCE = Duration.ofSeconds(30);

    private static final Duration MARGIN = Duration.ofSeconds(30);
    private static final int MAX_DEATHS = 4;
    private static final long DEATHS_WITHIN_NANOS = Duration.ofMinutes(1).toNanos();
    private static final int PREFERRED_READ_BYTES = 1 << 20;

    private final NfsLocation location;
    private final JavaCommand java;
    private final Duration patience;
    private final Deque<Long> deaths = new ArrayDeque<>();
    private @Nullable NfsChild child;
    private @Nullable NfsChild starting;
    private @Nullable CompletableFuture<NfsChild> opening;
    private @Nullable String id;
    private boolean closed;

    private NfsTarget(NfsLocation location, JavaCommand java, Duration patience) {
        this.location = location;
        this.java = java;
        this.patience = patience;
    }

    /**
     * Opens a folder that is a target.
     *
     * @param patience how long the server may be away before a call fails
     * @throws TargetException UNREACHABLE when it is not there or carries no marker
     */
    public static NfsTarget open(NfsLocation location, JavaCommand java, Duration patience) throws TargetException {
        return open(location, java, patience, false);
    }

    /**
     * Makes a folder a target and opens it. The folder is created when missing; one that is a target already is opened; one
     * that holds anything else is refused. Durable on return.
     */
    public static NfsTarget create(NfsLocation location, JavaCommand java, Duration patience) throws TargetException {
        return open(location, java, patience, true);
    }

    private static NfsTarget open(NfsLocation location, JavaCommand java, Duration patience, boolean create)
            throws TargetException {
        NfsTarget target = new NfsTarget(location, java, patience);
        try {
            target.running(create);
            return target;
        } catch (TargetException e) {
            target.close();
            throw e;
        }
    }

    /** Tries whether a folder can become a target, and leaves it as it was. */
    public static NewNfsFolder.Result probeNew(NfsLocation location, JavaCommand java, Duration patience)
            throws TargetException {
        NfsTarget target = new NfsTarget(location, java, patience);
        try (NfsChild child = NfsChild.start(java, target.silence())) {
            return target.on(
                    child,
                    "try out",
                    Call.PROBE,
                    out -> {
                        out.writeUTF(location.address());
                        out.writeLong(patience.toMillis());
                    },
                    (answer, in, wire) -> null,
                    NfsTarget::readProbe);
        }
    }

    private static NewNfsFolder.Result readProbe(DataInputStream in) throws IOException {
        boolean isTarget = in.readBoolean();
        int count = in.readInt();
        List<ProbeStep> steps = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            steps.add(new ProbeStep(in.readUTF(), in.readBoolean(), in.readLong(), in.readUTF()));
        }
        TargetException failure =
                in.readBoolean() ? new TargetException(Kind.values()[in.readByte()], in.readUTF()) : null;
        return new NewNfsFolder.Result(isTarget, steps, failure);
    }

    /** The random id in the marker of the root, 32 hex digits. */
    public synchronized String targetId() {
        if (id == null) {
            throw new IllegalStateException("not open");
        }
        return id;
    }

    /** The process that speaks to the server, for tests. */
    synchronized long childPid() {
        if (child == null) {
            throw new IllegalStateException("not open");
        }
        return child.pid();
    }

    /** The child, with the target open; another one when the last has ended. Whoever comes meanwhile waits for the same start. */
    private NfsChild running(boolean create) throws TargetException {
        CompletableFuture<NfsChild> start;
        boolean mine = false;
        synchronized (this) {
            NfsChild now = child;
            if (now != null && now.isAlive()) {
                return now;
            }
            if (closed) {
                throw new TargetException(Kind.UNREACHABLE, describe() + " is closed");
            }
            if (now != null) {
                child = null;
                noteDeath();
                now.close();
            }
            if (opening == null) {
                demandFewDeaths();
                opening = new CompletableFuture<>();
                mine = true;
            }
            start = opening;
        }
        return mine ? start(start, create) : await(start);
    }

    private NfsChild await(CompletableFuture<NfsChild> start) throws TargetException {
        try {
            return start.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof TargetException why) {
                String words = String.valueOf(why.getMessage());
                throw why.mayPass()
                        ? TargetException.passing(why.kind(), words, why, null)
                        : new TargetException(why.kind(), words, why);
            }
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TargetException(Kind.RETRYABLE, "open " + location + ": interrupted", e);
        }
    }

    private NfsChild start(CompletableFuture<NfsChild> told, boolean create) throws TargetException {
        NfsChild started = null;
        TargetException failure = null;
        try {
            started = NfsChild.start(java, silence());
            synchronized (this) {
                starting = started;
            }
            open(started, create);
        } catch (TargetException e) {
            failure = e;
        } catch (RuntimeException | Error e) {
            failure = new TargetException(Kind.RETRYABLE, "open " + location + ": " + e, e);
        }
        if (settled(started, failure) && started != null) {
            told.complete(started);
            return started;
        }
        if (started != null) {
            started.close();
        }
        TargetException why =
                failure != null ? failure : new TargetException(Kind.UNREACHABLE, describe() + " is closed");
        told.completeExceptionally(why);
        throw why;
    }

    /** Ends a start; whether the child is the one to be used from now on. */
    private synchronized boolean settled(@Nullable NfsChild started, @Nullable TargetException failure) {
        starting = null;
        opening = null;
        if (started != null && failure == null && !closed) {
            child = started;
            return true;
        }
        if (started != null && !started.isAlive()) {
            noteDeath();
        }
        return false;
    }

    private void open(NfsChild started, boolean create) throws TargetException {
        String found = on(
                started,
                "open",
                Call.OPEN,
                out -> {
                    out.writeUTF(location.address());
                    out.writeBoolean(create);
                    out.writeLong(patience.toMillis());
                },
                (answer, in, wire) -> null,
                in -> in.readUTF());
        synchronized (this) {
            if (id != null && !id.equals(found)) {
                throw TargetMarker.another(location.toString(), found, id);
            }
            id = found;
        }
    }

    private Duration silence() {
        return patience.multipliedBy(3).plus(MARGIN);
    }

    private void noteDeath() {
        deaths.addLast(System.nanoTime());
    }

    private void demandFewDeaths() throws TargetException {
        while (!deaths.isEmpty() && System.nanoTime() - deaths.peekFirst() > DEATHS_WITHIN_NANOS) {
            deaths.removeFirst();
        }
        if (deaths.size() >= MAX_DEATHS) {
            throw new TargetException(
                    Kind.UNREACHABLE,
                    "the NFS client process for " + location + " ended " + MAX_DEATHS
                            + " times within a minute; look at this host's log for a crash of libnfs");
        }
    }

    /** Deals with an answer that is neither BUSY nor the last. */
    @FunctionalInterface
    private interface Between {
        @Nullable
        TargetException take(Answer answer, DataInputStream in, NfsWire wire) throws IOException;
    }

    /** Reads the last answer. */
    @FunctionalInterface
    private interface End<T> {
        T read(DataInputStream in) throws IOException;
    }

    private <T> T call(String doing, Call call, NfsWire.Fields fields, Between between, End<T> end)
            throws TargetException {
        return on(running(false), doing, call, fields, between, end);
    }

    /**
     * One call. A {@code between} that returns a failure ends the call with it, and the connection with the call, as the child has more to
     * say that nobody reads.
     */
    private <T> T on(NfsChild to, String doing, Call call, NfsWire.Fields fields, Between between, End<T> end)
            throws TargetException {
        NfsWire wire = null;
        boolean inOrder = false;
        try {
            wire = to.connect();
            wire.send(call, fields);
            while (true) {
                DataInputStream in = wire.receive();
                Answer answer = Answer.values()[in.readByte()];
                switch (answer) {
                    case BUSY -> {}
                    case OK -> {
                        T result = end.read(in);
                        inOrder = true;
                        return result;
                    }
                    case FAILURE -> {
                        inOrder = true;
                        throw failure(in);
                    }
                    default -> {
                        TargetException stop = between.take(answer, in, wire);
                        if (stop != null) {
                            throw stop;
                        }
                    }
                }
            }
        } catch (TargetException e) {
            throw e;
        } catch (IOException e) {
            if (Thread.currentThread().isInterrupted()) {
                throw new TargetException(Kind.RETRYABLE, doing + " on " + location + ": interrupted", e);
            }
            throw TargetException.passing(
                    Kind.RETRYABLE,
                    doing + " on " + location + ": the NFS client process ended before it was done (" + to.ending()
                            + "); it is started again",
                    e,
                    null);
        } finally {
            if (wire != null && inOrder) {
                to.giveBack(wire);
            } else if (wire != null) {
                to.drop(wire);
            }
        }
    }

    private static TargetException failure(DataInputStream in) throws IOException {
        Kind kind = Kind.values()[in.readByte()];
        boolean passing = in.readBoolean();
        String message = in.readUTF();
        return passing ? TargetException.passing(kind, message, null, null) : new TargetException(kind, message);
    }

    @Override
    public void putIfAbsent(String key, List<ByteBuffer> content) throws TargetException {
        BlobKeys.checked(key);
        List<ByteBuffer> parts =
                new ArrayList<>(content.stream().map(ByteBuffer::duplicate).toList());
        long sizeBytes = parts.stream().mapToLong(ByteBuffer::remaining).sum();
        call(
                "write " + key,
                Call.PUT,
                out -> {
                    out.writeUTF(key);
                    out.writeLong(sizeBytes);
                },
                (answer, in, wire) -> {
                    int wanted = in.readInt();
                    while (wanted > 0) {
                        ByteBuffer part = parts.get(0);
                        int length = Math.min(wanted, part.remaining());
                        wire.sendBytes(part.slice(part.position(), length));
                        part.position(part.position() + length);
                        wanted -= length;
                        if (!part.hasRemaining()) {
                            parts.remove(0);
                        }
                    }
                    return null;
                },
                in -> 0);
    }

    @Override
    public long get(String key, ByteRange range, ByteBuffer dst) throws TargetException {
        BlobKeys.checked(key);
        long[] size = new long[1];
        int limit = dst.limit();
        try {
            return call(
                    "read " + key,
                    Call.GET,
                    out -> {
                        out.writeUTF(key);
                        out.writeByte(range.kind().ordinal());
                        out.writeLong(range.offsetBytes());
                        out.writeInt(range.lengthBytes());
                    },
                    (answer, in, wire) -> {
                        size[0] = in.readLong();
                        int length = in.readInt();
                        if (length > limit - dst.position()) {
                            throw new IllegalArgumentException(
                                    "room for " + (limit - dst.position()) + " bytes, not " + length);
                        }
                        wire.receiveBytes(dst.limit(dst.position() + length));
                        return null;
                    },
                    in -> size[0]);
        } finally {
            dst.limit(limit);
        }
    }

    @Override
    public long stat(String key) throws TargetException {
        BlobKeys.checked(key);
        return call(
                "look at " + key,
                Call.STAT,
                out -> out.writeUTF(key),
                (answer, in, wire) -> null,
                DataInputStream::readLong);
    }

    @Override
    public void list(String prefix, BlobVisitor visitor) throws TargetException {
        BlobKeys.checkedPrefix(prefix);
        listing("list " + prefix, Call.LIST, prefix, visitor);
    }

    @Override
    public void listFolders(String prefix, Consumer<String> visitor) throws TargetException {
        if (!BlobKeys.checkedPrefix(prefix).isEmpty() && !prefix.endsWith("/")) {
            throw new IllegalArgumentException("not a folder: " + prefix);
        }
        listing("list " + prefix, Call.FOLDERS, prefix, (name, sizeBytes) -> visitor.accept(name));
    }

    private void listing(String doing, Call call, String prefix, BlobVisitor visitor) throws TargetException {
        call(
                doing,
                call,
                out -> out.writeUTF(prefix),
                (answer, in, wire) -> {
                    int count = in.readInt();
                    try {
                        for (int i = 0; i < count; i++) {
                            visitor.blob(in.readUTF(), in.readLong());
                        }
                    } catch (TargetException e) {
                        return e;
                    }
                    return null;
                },
                in -> 0);
    }

    @Override
    public TargetCapabilities capabilities() {
        return new TargetCapabilities(true, true, PREFERRED_READ_BYTES);
    }

    @Override
    public void validate() throws TargetException {
        call("try out", Call.VALIDATE, out -> {}, (answer, in, wire) -> null, in -> 0);
    }

    @Override
    public String describe() {
        return "target " + location;
    }

    @Override
    public void close() {
        NfsChild last;
        NfsChild unfinished;
        synchronized (this) {
            closed = true;
            last = child;
            child = null;
            unfinished = starting;
        }
        if (last != null) {
            last.close();
        }
        if (unfinished != null) {
            unfinished.close();
        }
    }
}
