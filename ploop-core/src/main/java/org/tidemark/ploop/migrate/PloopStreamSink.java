package org.tidemark.ploop.migrate;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * The stream of {@code ploop copy} 1.15, which its receiver understands, and ours. Little-endian:
 *
 * <pre>
 *   packet: u32 marker 0x4cc0ac3d | u32 size | u64 position | size bytes
 *   size 0: the end
 *   size 4: the receiver writes what it has to its disk and answers 8 bytes, "SUCCESS\n" or "FAILURE\n"
 * </pre>
 *
 * <p>Without a way for answers nobody knows when that was done: then it waits five seconds, as the original does.
 */
public final class PloopStreamSink implements CopySink {
    static final int MARKER = 0x4cc0ac3d;
    static final int HEADER_BYTES = 16;
    /** A packet of so many bytes is no data. */
    static final int SYNC_BYTES = 4;

    static final byte[] SUCCESS = "SUCCESS\n".getBytes(StandardCharsets.US_ASCII);
    static final byte[] FAILURE = "FAILURE\n".getBytes(StandardCharsets.US_ASCII);

    private static final int WAIT_SECONDS = 5;

    private final WritableByteChannel out;
    private final @Nullable ReadableByteChannel feedback;
    private final ByteBuffer header = Wire.buffer(HEADER_BYTES + SYNC_BYTES);
    private final ByteBuffer answer = Wire.buffer(SUCCESS.length);
    private long sentBytes;

    /** Both channels stay the caller's; {@code feedback} may be null. */
    public PloopStreamSink(WritableByteChannel out, @Nullable ReadableByteChannel feedback) {
        this.out = out;
        this.feedback = feedback;
    }

    private void sendHeader(int size, long position, int more) throws IOException {
        header.clear();
        header.putInt(MARKER).putInt(size).putLong(position);
        for (int i = 0; i < more; i++) {
            header.put((byte) 0);
        }
        header.flip();
        sentBytes += header.remaining();
        Wire.write(out, header);
    }

    @Override
    public void put(long positionBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        if (lengthBytes <= SYNC_BYTES) {
            throw new IllegalArgumentException(lengthBytes + " bytes would be taken for something else");
        }
        sendHeader(lengthBytes, positionBytes, 0);
        ByteBuffer bytes = src.bytes().duplicate();
        bytes.limit(srcOffset + lengthBytes).position(srcOffset);
        Wire.write(out, bytes);
        sentBytes += lengthBytes;
    }

    @Override
    public void sync() throws IOException {
        sendHeader(SYNC_BYTES, 0, SYNC_BYTES);
        if (feedback == null) {
            try {
                TimeUnit.SECONDS.sleep(WAIT_SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new java.io.InterruptedIOException("interrupted");
            }
            return;
        }
        answer.clear();
        Wire.readAll(feedback, answer);
        answer.flip();
        if (!answer.equals(ByteBuffer.wrap(SUCCESS))) {
            throw new StreamException(
                    StreamException.Kind.REFUSED,
                    "the receiver could not write the copy to its disk; what it said tells why");
        }
    }

    @Override
    public void finish(long sizeBytes) throws IOException {
        if (feedback != null) {
            sync();
        }
        sendHeader(0, 0, 0);
    }

    @Override
    public long sentBytes() {
        return sentBytes;
    }

    @Override
    public void close() {
        // Its receiver sees the end of the pipe before the end of the stream.
    }
}
