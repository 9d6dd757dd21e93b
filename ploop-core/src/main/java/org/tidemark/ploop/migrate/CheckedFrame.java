package org.tidemark.ploop.migrate;

import com.github.luben.zstd.Zstd;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.zip.CRC32C;

/**
 * A frame of the checked stream, in either direction; little-endian:
 *
 * <pre>
 *    0  u32 magic "TMC1"
 *    4  u8 type   5  u8 1: what follows is compressed (zstd)   6  u16 0
 *    8  u64 position in the file, or a number, as the type has it
 *   16  u32 length of the content
 *   20  u32 bytes that follow
 *   24  u32 CRC-32C of the content
 *   28  u32 CRC-32C of bytes 0 to 27
 *
 *   to the receiver    HELLO   content: 16 bytes identity of the copy; the number is 1, the version
 *                      DATA    content belongs at the position
 *                      ZEROS   the position is one of zeros; content: u64 how many
 *                      SYNC    the number counts them from 1
 *                      FINISH  the number is the length of the file
 *   to the sender      READY   answers HELLO; the number of the last SYNC that it has of this copy, 0 for none
 *                      SYNCED  answers SYNC
 *                      FINISHED answers FINISH
 *                      FAILED  content: why, as a sentence
 * </pre>
 *
 * <p>One object for each direction of a connection, used by one thread; what it holds is of the last frame read.
 */
final class CheckedFrame {
    static final int MAGIC = 0x31434D54;
    static final int HEADER_BYTES = 32;
    static final int MAX_CONTENT_BYTES = 1 << 20;
    static final int VERSION = 1;

    /** What a frame is. The order is the numbers. */
    enum Type {
        HELLO,
        DATA,
        ZEROS,
        SYNC,
        FINISH,
        READY,
        SYNCED,
        FINISHED,
        FAILED
    }

    private static final Type[] TYPES = Type.values();
    private static final int HEADER_CHECKED_BYTES = 28;
    private static final byte COMPRESSED = 1;

    private final ByteBuffer header = Wire.buffer(HEADER_BYTES);
    private final ByteBuffer stored = Wire.buffer((int) Zstd.compressBound(MAX_CONTENT_BYTES));
    private final ByteBuffer content = Wire.buffer(MAX_CONTENT_BYTES);
    private final CRC32C crc = new CRC32C();
    private Type type = Type.FAILED;

    /** What the last frame was. */
    Type type() {
        return type;
    }

    /** Position or number of the last frame. */
    long number() {
        return header.getLong(8);
    }

    /** The content of the last frame, from position 0 to the limit. */
    ByteBuffer content() {
        return content;
    }

    /**
     * Writes a frame.
     *
     * @param level of compression, 0 for none
     * @return how many bytes went
     */
    int write(WritableByteChannel out, Type what, long number, ByteBuffer bytes, int level) throws IOException {
        int length = bytes.remaining();
        int checksum = checksum(bytes);
        ByteBuffer body = bytes;
        byte flags = 0;
        if (level > 0 && length > 0) {
            stored.clear();
            int packed = Zstd.compress(stored, bytes.duplicate(), level);
            if (packed < length) {
                stored.flip();
                body = stored;
                flags = COMPRESSED;
            }
        }
        int following = body.remaining();
        header.clear();
        header.putInt(MAGIC).put((byte) what.ordinal()).put(flags).putShort((short) 0);
        header.putLong(number).putInt(length).putInt(following).putInt(checksum);
        header.putInt(checksum(header.duplicate().flip())).flip();
        Wire.write(out, header);
        Wire.write(out, body);
        return HEADER_BYTES + following;
    }

    int write(WritableByteChannel out, Type what, long number) throws IOException {
        return write(out, what, number, ByteBuffer.allocate(0), 0);
    }

    private int checksum(ByteBuffer bytes) {
        crc.reset();
        crc.update(bytes.duplicate());
        return (int) crc.getValue();
    }

    /**
     * Reads a frame and checks all of it.
     *
     * @param begun bytes of it that were read already
     */
    void read(ReadableByteChannel in, ByteBuffer begun) throws IOException {
        header.clear();
        header.put(begun);
        Wire.readAll(in, header);
        header.flip();
        if (header.getInt(0) != MAGIC
                || checksum(header.duplicate().limit(HEADER_CHECKED_BYTES)) != header.getInt(HEADER_CHECKED_BYTES)) {
            throw damaged("a frame has no valid header");
        }
        int known = header.get(4);
        int length = header.getInt(16);
        int following = header.getInt(20);
        boolean compressed = header.get(5) == COMPRESSED;
        if (known < 0
                || known >= TYPES.length
                || length < 0
                || length > MAX_CONTENT_BYTES
                || following < 0
                || following > (compressed ? stored.capacity() : length)
                || !compressed && following != length) {
            throw damaged("a frame says of itself what cannot be");
        }
        type = TYPES[known];
        readContent(in, compressed, length, following);
    }

    void read(ReadableByteChannel in) throws IOException {
        read(in, ByteBuffer.allocate(0));
    }

    private void readContent(ReadableByteChannel in, boolean compressed, int length, int following) throws IOException {
        content.clear().limit(length);
        ByteBuffer wanted = compressed ? stored.clear().limit(following) : content;
        if (following > 0) {
            Wire.readAll(in, wanted);
        }
        wanted.flip();
        if (compressed) {
            try {
                if (Zstd.decompress(content, wanted) != length) {
                    throw damaged("a frame is shorter than it says");
                }
            } catch (RuntimeException e) {
                throw damaged("a frame cannot be decompressed");
            }
            content.flip();
        }
        if (checksum(content) != header.getInt(24)) {
            throw damaged("the checksum of a frame at " + number() + " is wrong");
        }
    }

    private static StreamException damaged(String what) {
        return new StreamException(StreamException.Kind.DAMAGED, "the copy was damaged on its way: " + what);
    }
}
