package org.tidemark.ploop.migrate;

import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.tracker.ImageRange;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;

/**
 * A copy over a stream of our own, see {@link CheckedFrame}: every part has a checksum, it can be compressed, and when the
 * connection is cut the copy goes on over a new one. What the receiver had not made durable is read and sent again: that is never
 * more than {@link #SYNC_EVERY_BYTES}, and newer content of the file does no harm, because what changed is sent once more anyway.
 */
public final class CheckedStreamSink implements CopySink {
    /** What is sent again after a cut, at most. */
    public static final long SYNC_EVERY_BYTES = 64L << 20;

    private static final Duration FIRST_WAIT = Duration.ofMillis(200);
    private static final Duration IN_PAUSE = Duration.ofSeconds(5);
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(10);

    private final Connector connector;
    private final ImageIo file;
    private final Settings settings;
    private final UUID identity;
    private final CheckedFrame outgoing = new CheckedFrame();
    private final CheckedFrame incoming = new CheckedFrame();
    private final AlignedBuffer again = AlignedBuffer.allocate(CheckedFrame.MAX_CONTENT_BYTES);

    /** What was put since each sync that is not known to be durable; the first entry since the last one that is. */
    private final Deque<List<ImageRange>> since = new ArrayDeque<>();

    /** What was put that is not in the file. */
    private @Nullable AlignedBuffer header;

    private int headerBytes;
    private Duration patience;
    private @Nullable Connection connection;
    /** The last sync that was asked for. */
    private long syncs;
    /** The last one that the receiver answered. */
    private long durable;

    private long unsyncedBytes;
    private long sentBytes;
    private int cuts;

    /** Makes connections to one receiver. */
    @FunctionalInterface
    public interface Connector {
        Connection connect() throws IOException;
    }

    /** A connection to a receiver. */
    public interface Connection extends Closeable {
        WritableByteChannel out();

        ReadableByteChannel in();
    }

    /**
     * How it is sent.
     *
     * @param level of compression, 1 to 19, 0 for none
     * @param patience for how long a new connection is tried for after a cut
     */
    public record Settings(int level, Duration patience) {}

    /** {@code file} is what is copied: what was lost on the way is read there. */
    public CheckedStreamSink(Connector connector, ImageIo file, Settings settings, UUID identity) throws IOException {
        this.connector = connector;
        this.file = file;
        this.settings = settings;
        this.patience = settings.patience();
        this.identity = identity;
        since.add(new ArrayList<>());
        open();
    }

    private interface Sending {
        void run(Connection over) throws IOException;
    }

    @Override
    public void beginPause() {
        patience = settings.patience().compareTo(IN_PAUSE) < 0 ? settings.patience() : IN_PAUSE;
    }

    /** What is cut off is sent over a new connection; what the receiver refuses is not. */
    private void surviving(Sending sending) throws IOException {
        Connection over = connection;
        StreamException cut;
        try {
            if (over != null) {
                sending.run(over);
                return;
            }
            cut = new StreamException(StreamException.Kind.CUT, "there is no connection");
        } catch (StreamException e) {
            cut = e.kind() == StreamException.Kind.REFUSED ? e : lastWords(over, e);
        }
        if (cut.kind() == StreamException.Kind.REFUSED) {
            throw cut;
        }
        reconnect(cut, sending);
    }

    /** A receiver that gives up says why before it goes; who was just sending has not read it. */
    private StreamException lastWords(Connection over, StreamException cut) {
        try {
            answer(over, CheckedFrame.Type.FAILED);
            return cut;
        } catch (StreamException e) {
            return e.kind() == StreamException.Kind.REFUSED ? e : cut;
        } catch (IOException e) {
            return cut;
        }
    }

    private void reconnect(StreamException cut, Sending sending) throws IOException {
        long end = System.nanoTime() + patience.toNanos();
        long wait = FIRST_WAIT.toNanos();
        StreamException last = cut;
        while (System.nanoTime() - end < 0) {
            closeConnection();
            cuts++;
            try {
                Connection fresh = open();
                sendAgain(fresh);
                sending.run(fresh);
                return;
            } catch (StreamException e) {
                Connection failed = connection;
                last = failed == null || e.kind() == StreamException.Kind.REFUSED ? e : lastWords(failed, e);
                if (last.kind() == StreamException.Kind.REFUSED) {
                    throw last;
                }
            }
            sleep(Math.min(wait, Math.max(0, end - System.nanoTime())));
            wait = Math.min(wait * 2, LONGEST_WAIT.toNanos());
        }
        closeConnection();
        throw last;
    }

    private static void sleep(long nanos) throws InterruptedIOException {
        try {
            TimeUnit.NANOSECONDS.sleep(nanos);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        }
    }

    private Connection open() throws IOException {
        Connection fresh;
        try {
            fresh = connector.connect();
        } catch (IOException e) {
            throw new StreamException(StreamException.Kind.CUT, String.valueOf(e.getMessage()), e);
        }
        connection = fresh;
        ByteBuffer hello = ByteBuffer.allocate(16)
                .putLong(identity.getMostSignificantBits())
                .putLong(identity.getLeastSignificantBits())
                .flip();
        sentBytes += outgoing.write(fresh.out(), CheckedFrame.Type.HELLO, CheckedFrame.VERSION, hello, 0);
        long there = answer(fresh, CheckedFrame.Type.READY);
        if (there < durable || there > syncs) {
            throw new StreamException(
                    StreamException.Kind.REFUSED,
                    "the receiver has lost what it had said was durable; begin the copy anew");
        }
        forgetUpTo(there);
        return fresh;
    }

    private void forgetUpTo(long sync) {
        for (; durable < sync; durable++) {
            since.remove();
        }
    }

    private void sendAgain(Connection over) throws IOException {
        List<ImageRange> lost = new ArrayList<>();
        since.forEach(lost::addAll);
        for (ImageRange range : lost) {
            int length = (int) range.lengthBytes();
            file.read(range.positionBytes(), again, 0, length);
            send(over, range.positionBytes(), again, 0, length);
        }
        AlignedBuffer last = header;
        if (last != null) {
            send(over, 0, last, 0, headerBytes);
        }
        // One answer is enough for all of them.
        if (syncs > durable) {
            sentBytes += outgoing.write(over.out(), CheckedFrame.Type.SYNC, syncs);
            answer(over, CheckedFrame.Type.SYNCED);
            forgetUpTo(syncs);
        }
    }

    private void send(Connection over, long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        ByteBuffer bytes = src.bytes().duplicate();
        bytes.limit(srcOffset + length).position(srcOffset);
        if ((length & 7) == 0 && src.isZero(srcOffset, length)) {
            ByteBuffer count = ByteBuffer.allocate(8).order(java.nio.ByteOrder.LITTLE_ENDIAN);
            sentBytes += outgoing.write(
                    over.out(),
                    CheckedFrame.Type.ZEROS,
                    position,
                    count.putLong(length).flip(),
                    0);
        } else {
            sentBytes += outgoing.write(over.out(), CheckedFrame.Type.DATA, position, bytes, settings.level());
        }
    }

    private long answer(Connection over, CheckedFrame.Type wanted) throws IOException {
        incoming.read(over.in());
        if (incoming.type() == CheckedFrame.Type.FAILED) {
            throw new StreamException(
                    StreamException.Kind.REFUSED,
                    "the receiver says: " + StandardCharsets.UTF_8.decode(incoming.content()));
        }
        if (incoming.type() != wanted) {
            throw new StreamException(
                    StreamException.Kind.DAMAGED, "the receiver answers " + incoming.type() + " instead of " + wanted);
        }
        return incoming.number();
    }

    @Override
    public void put(long positionBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        surviving(over -> send(over, positionBytes, src, srcOffset, lengthBytes));
        since.getLast().add(new ImageRange(positionBytes, lengthBytes));
        unsyncedBytes += lengthBytes;
        if (unsyncedBytes >= SYNC_EVERY_BYTES) {
            sync();
        }
    }

    @Override
    public void putHeader(AlignedBuffer src, int lengthBytes) throws IOException {
        AlignedBuffer kept = AlignedBuffer.allocate(lengthBytes);
        kept.copyFrom(src, 0, 0, lengthBytes);
        surviving(over -> send(over, 0, kept, 0, lengthBytes));
        header = kept;
        headerBytes = lengthBytes;
    }

    @Override
    public void sync() throws IOException {
        syncs++;
        since.add(new ArrayList<>());
        unsyncedBytes = 0;
        surviving(over -> {
            if (syncs > durable) {
                sentBytes += outgoing.write(over.out(), CheckedFrame.Type.SYNC, syncs);
                answer(over, CheckedFrame.Type.SYNCED);
                forgetUpTo(syncs);
            }
        });
    }

    @Override
    public void finish(long sizeBytes) throws IOException {
        sync();
        surviving(over -> {
            sentBytes += outgoing.write(over.out(), CheckedFrame.Type.FINISH, sizeBytes);
            answer(over, CheckedFrame.Type.FINISHED);
        });
    }

    @Override
    public long sentBytes() {
        return sentBytes;
    }

    /** How often the connection was cut and made anew. */
    public int cuts() {
        return cuts;
    }

    private void closeConnection() throws IOException {
        Connection open = connection;
        connection = null;
        if (open != null) {
            open.close();
        }
    }

    @Override
    public void close() throws IOException {
        closeConnection();
    }
}
