package org.tidemark.ploop.device.attach.nbd;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;

/** Whole reads and writes on a blocking channel. */
final class Wire {
    private final SocketChannel channel;

    Wire(SocketChannel channel) {
        this.channel = channel;
    }

    /** Fills the buffer up to its limit and flips it to its start. */
    ByteBuffer readFully(ByteBuffer buffer) throws IOException {
        int start = buffer.position();
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                throw new EOFException("the NBD peer closed the connection");
            }
        }
        return buffer.position(start);
    }

    ByteBuffer read(int length) throws IOException {
        return readFully(ByteBuffer.allocate(length));
    }

    void write(ByteBuffer... parts) throws IOException {
        ByteBuffer last = parts[parts.length - 1];
        while (last.hasRemaining()) {
            channel.write(parts);
        }
    }

    void write(ByteBuffer part) throws IOException {
        while (part.hasRemaining()) {
            channel.write(part);
        }
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String utf8(ByteBuffer in, int length) {
        byte[] bytes = new byte[length];
        in.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
