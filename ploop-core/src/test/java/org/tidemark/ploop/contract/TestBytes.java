package org.tidemark.ploop.contract;

import java.io.IOException;
import java.util.Random;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;

/** Short ways to move bytes in tests. */
public final class TestBytes {
    private TestBytes() {}

    /** A buffer holding {@code bytes} at offset 0. */
    public static AlignedBuffer buffer(byte[] bytes) {
        AlignedBuffer buffer = AlignedBuffer.allocate(Math.max(bytes.length, 1));
        buffer.bytes().put(0, bytes);
        return buffer;
    }

    public static byte[] bytes(AlignedBuffer buffer, int offset, int length) {
        byte[] bytes = new byte[length];
        buffer.bytes().get(offset, bytes);
        return bytes;
    }

    public static byte[] random(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    public static byte[] filled(int length, int value) {
        byte[] bytes = new byte[length];
        java.util.Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    public static void write(ImageIo io, long position, byte[] bytes) throws IOException {
        io.write(position, buffer(bytes), 0, bytes.length);
    }

    public static byte[] read(ImageIo io, long position, int length) throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(Math.max(length, 1));
        io.read(position, buffer, 0, length);
        return bytes(buffer, 0, length);
    }
}
