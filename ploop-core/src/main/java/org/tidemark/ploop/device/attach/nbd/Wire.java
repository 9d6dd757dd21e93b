package org.tidemark.ploop.device.attach.nbd;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/** Whole reads and writes on a blocking connection, encrypted from {@link #startTls} on. */
final class Wire {
    private final SocketChannel channel;
    private ReadableByteChannel in;
    private WritableByteChannel out;
    private boolean encrypted;

    Wire(SocketChannel channel) {
        this.channel = channel;
        this.in = channel;
        this.out = channel;
    }

    boolean encrypted() {
        return encrypted;
    }

    /** The server's side of TLS; nothing may have been read ahead. Before any other thread uses this. */
    void startTls(SSLContext context) throws IOException {
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(channel.socket(), null, true);
        socket.startHandshake();
        in = Channels.newChannel(socket.getInputStream());
        out = Channels.newChannel(socket.getOutputStream());
        encrypted = true;
    }

    /** Fills the buffer up to its limit and flips it to its start. */
    ByteBuffer readFully(ByteBuffer buffer) throws IOException {
        int start = buffer.position();
        while (buffer.hasRemaining()) {
            if (in.read(buffer) < 0) {
                throw new EOFException("the NBD peer closed the connection");
            }
        }
        return buffer.position(start);
    }

    ByteBuffer read(int length) throws IOException {
        return readFully(ByteBuffer.allocate(length));
    }

    void write(ByteBuffer first, ByteBuffer second) throws IOException {
        if (encrypted) {
            write(first);
            write(second);
            return;
        }
        ByteBuffer[] parts = {first, second};
        while (second.hasRemaining()) {
            channel.write(parts);
        }
    }

    void write(ByteBuffer part) throws IOException {
        while (part.hasRemaining()) {
            out.write(part);
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
