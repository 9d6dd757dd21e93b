package org.tidemark.backup.target.nfs;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import org.jspecify.annotations.Nullable;

/**
 * What parent and child say to each other over one connection: frames of a length (4 bytes, big-endian) and that many bytes, and
 * between them, where a frame says so, plain data. A call begins with a frame of the parent and ends with OK or FAILURE.
 */
final class NfsWire implements Closeable {
    /** What the parent asks for. */
    enum Call {
        OPEN,
        PUT,
        GET,
        STAT,
        LIST,
        FOLDERS,
        VALIDATE,
        PROBE
    }

    /** What the child says. */
    enum Answer {
        /** The server is at work; nothing is finished. */
        BUSY,
        OK,
        FAILURE,
        /** Send so many bytes of the content. */
        WANT,
        /** Bytes of a blob follow. */
        PART,
        /** Entries of a listing. */
        ENTRIES
    }

    private static final int MAX_WORDS = 4000;
    private static final int MAX_FRAME_BYTES = 1 << 20;

    private final SocketChannel channel;
    /** When this side began to wait for the other; 0 when it does not. */
    private volatile long waitingSince;

    NfsWire(SocketChannel channel) {
        this.channel = channel;
    }

    /** A message that fits into a frame. */
    static String bounded(@Nullable String message) {
        String words = String.valueOf(message);
        return words.substring(0, Math.min(words.length(), MAX_WORDS));
    }

    /** Writes the fields of a frame. */
    @FunctionalInterface
    interface Fields {
        void to(DataOutputStream out) throws IOException;
    }

    /** Sends a frame whose first byte is {@code kind}. */
    void send(Enum<?> kind, Fields fields) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeInt(0);
        out.writeByte(kind.ordinal());
        fields.to(out);
        ByteBuffer frame = ByteBuffer.wrap(bytes.toByteArray());
        frame.putInt(0, frame.capacity() - Integer.BYTES);
        sendBytes(frame);
    }

    /** The next frame, from its kind on. */
    DataInputStream receive() throws IOException {
        ByteBuffer length = ByteBuffer.allocate(Integer.BYTES);
        receiveBytes(length);
        int bytes = length.getInt(0);
        if (bytes < 1 || bytes > MAX_FRAME_BYTES) {
            throw new IOException("a frame of " + bytes + " bytes");
        }
        ByteBuffer frame = ByteBuffer.allocate(bytes);
        receiveBytes(frame);
        return new DataInputStream(new ByteArrayInputStream(frame.array()));
    }

    /** Sends from position to limit; the position moves. */
    void sendBytes(ByteBuffer bytes) throws IOException {
        try {
            while (bytes.hasRemaining()) {
                waitingSince = System.nanoTime() | 1;
                channel.write(bytes);
            }
        } finally {
            waitingSince = 0;
        }
    }

    /** Receives from position to limit; the position moves. */
    void receiveBytes(ByteBuffer bytes) throws IOException {
        try {
            while (bytes.hasRemaining()) {
                waitingSince = System.nanoTime() | 1;
                if (channel.read(bytes) < 0) {
                    throw new EOFException("the other process has closed the connection");
                }
            }
        } finally {
            waitingSince = 0;
        }
    }

    /** For how long this side has been waiting for the other. */
    long waitingNanos() {
        long since = waitingSince;
        return since == 0 ? 0 : System.nanoTime() - since;
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // Nothing is lost with it.
        }
    }
}
