package org.tidemark.ploop.server;

import java.io.Closeable;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Lines of text, with a limit on their length and on every wait. For one thread at a time. */
final class LineChannel implements Closeable {
    /** The longest line in bytes. */
    static final int MAX_LINE_BYTES = 1 << 20;

    private final SocketChannel channel;
    private final Selector selector;
    private final SelectionKey key;
    private byte[] pending = new byte[4096];
    private int pendingBytes;
    private int scannedBytes;

    LineChannel(SocketChannel channel) throws IOException {
        this.channel = channel;
        channel.configureBlocking(false);
        this.selector = Selector.open();
        this.key = channel.register(selector, SelectionKey.OP_READ);
    }

    static LineChannel connect(Path socket) throws IOException {
        SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        try {
            return new LineChannel(channel);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    /** The next line, or null when the other side has closed. Without a limit when {@code limit} is null. */
    @Nullable
    String read(@Nullable Duration limit) throws IOException {
        long end = limit == null ? 0 : System.nanoTime() + limit.toNanos();
        while (true) {
            String line = takeLine();
            if (line != null) {
                return line;
            }
            if (pendingBytes > MAX_LINE_BYTES) {
                throw new ControlException(
                        ControlException.Kind.USAGE, "a line is longer than " + MAX_LINE_BYTES + " bytes");
            }
            if (pendingBytes == pending.length) {
                pending = Arrays.copyOf(pending, pending.length * 2);
            }
            int count = channel.read(ByteBuffer.wrap(pending, pendingBytes, pending.length - pendingBytes));
            if (count < 0) {
                return null;
            }
            pendingBytes += count;
            if (count == 0) {
                await(SelectionKey.OP_READ, limit == null ? null : end - System.nanoTime());
            }
        }
    }

    private @Nullable String takeLine() {
        for (; scannedBytes < pendingBytes; scannedBytes++) {
            if (pending[scannedBytes] == '\n') {
                String line = new String(pending, 0, scannedBytes, StandardCharsets.UTF_8);
                pendingBytes -= scannedBytes + 1;
                System.arraycopy(pending, scannedBytes + 1, pending, 0, pendingBytes);
                scannedBytes = 0;
                return line;
            }
        }
        return null;
    }

    void write(String line, Duration limit) throws IOException {
        byte[] bytes = (line + "\n").getBytes(StandardCharsets.UTF_8);
        if (bytes.length > MAX_LINE_BYTES) {
            throw new ControlException(
                    ControlException.Kind.FAILED, "a line is longer than " + MAX_LINE_BYTES + " bytes");
        }
        long end = System.nanoTime() + limit.toNanos();
        ByteBuffer rest = ByteBuffer.wrap(bytes);
        while (rest.hasRemaining()) {
            if (channel.write(rest) == 0) {
                await(SelectionKey.OP_WRITE, end - System.nanoTime());
            }
        }
    }

    private void await(int operation, @Nullable Long nanos) throws IOException {
        if (nanos != null && nanos <= 0) {
            throw new ControlException(ControlException.Kind.TIME_OUT, "no answer in time");
        }
        key.interestOps(operation);
        selector.select(nanos == null ? 0 : Math.max(1, nanos / 1_000_000));
        selector.selectedKeys().clear();
        if (Thread.currentThread().isInterrupted()) {
            throw new java.io.InterruptedIOException("interrupted");
        }
    }

    @Override
    public void close() throws IOException {
        selector.close();
        channel.close();
    }
}
