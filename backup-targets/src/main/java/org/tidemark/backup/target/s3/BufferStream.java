package org.tidemark.backup.target.s3;

import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.List;

/** Reads buffers one behind the other, at the pace of its request; their positions do not move. One thread. */
final class BufferStream extends InputStream {
    private final ByteBuffer[] parts;
    private final Transmission transmission;
    private int at;
    private int markedAt;
    private int markedPosition;

    BufferStream(List<ByteBuffer> content, Transmission transmission) {
        this.transmission = transmission;
        parts = content.stream().map(ByteBuffer::slice).toArray(ByteBuffer[]::new);
    }

    /** {@code length} bytes of {@code content}, from byte {@code from} on. */
    static List<ByteBuffer> cut(List<ByteBuffer> content, long from, long length) {
        List<ByteBuffer> cut = new java.util.ArrayList<>();
        long skip = from;
        long rest = length;
        for (ByteBuffer part : content) {
            int start = (int) Math.min(skip, part.remaining());
            int taken = (int) Math.min(rest, part.remaining() - start);
            skip -= start;
            rest -= taken;
            if (taken > 0) {
                cut.add(part.slice(part.position() + start, taken));
            }
        }
        return cut;
    }

    private boolean atEnd() {
        while (at < parts.length && !parts[at].hasRemaining()) {
            at++;
        }
        return at == parts.length;
    }

    @Override
    public int read() throws InterruptedIOException {
        if (atEnd()) {
            return -1;
        }
        transmission.turn(1, parts[at].remaining());
        return parts[at].get() & 0xFF;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws InterruptedIOException {
        if (length == 0) {
            return 0;
        }
        if (atEnd()) {
            return -1;
        }
        int got = transmission.turn(Math.min(length, parts[at].remaining()), parts[at].remaining());
        parts[at].get(bytes, offset, got);
        return got;
    }

    @Override
    public int available() {
        return atEnd() ? 0 : parts[at].remaining();
    }

    @Override
    public boolean markSupported() {
        return true;
    }

    @Override
    public void mark(int limit) {
        markedAt = at;
        markedPosition = atEnd() ? 0 : parts[at].position();
        markedAt = at;
    }

    @Override
    public void reset() {
        for (int i = markedAt; i < parts.length; i++) {
            parts[i].position(i == markedAt ? markedPosition : 0);
        }
        at = markedAt;
    }
}
