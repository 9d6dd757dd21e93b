package org.tidemark.ploop.migrate;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;

/** Whole pieces over a channel. */
final class Wire {
    private Wire() {}

    static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    static void write(WritableByteChannel out, ByteBuffer bytes) throws IOException {
        try {
            while (bytes.hasRemaining()) {
                out.write(bytes);
            }
        } catch (IOException e) {
            throw new StreamException(
                    StreamException.Kind.CUT, "the other side went away while the copy was sent to it", e);
        }
    }

    /**
     * Fills the buffer.
     *
     * @return false when the channel ended before the first byte
     * @throws StreamException CUT when it ended later
     */
    static boolean read(ReadableByteChannel in, ByteBuffer bytes) throws IOException {
        int begin = bytes.position();
        while (bytes.hasRemaining()) {
            int count;
            try {
                count = in.read(bytes);
            } catch (IOException e) {
                throw new StreamException(StreamException.Kind.CUT, "the stream broke: " + e.getMessage(), e);
            }
            if (count < 0) {
                if (bytes.position() == begin) {
                    return false;
                }
                throw cut();
            }
        }
        return true;
    }

    static void readAll(ReadableByteChannel in, ByteBuffer bytes) throws IOException {
        if (!read(in, bytes)) {
            throw cut();
        }
    }

    private static StreamException cut() {
        return new StreamException(StreamException.Kind.CUT, "the stream ended before the copy was whole");
    }
}
