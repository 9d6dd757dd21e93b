package org.tidemark.backup.repository.pack;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.tidemark.backup.repository.chunk.ChunkGeometry;

/** Makes segments: compresses what compresses, frames, sums. One thread; its buffer is reused. */
public final class SegmentEncoder implements AutoCloseable {
    static final int STORED = 0;
    static final int ZSTD = 1;

    private final ZstdCompressCtx zstd = new ZstdCompressCtx();
    private final CRC32C crc = new CRC32C();
    private ByteBuffer segment = allocate(ChunkGeometry.CHUNK_BYTES);

    public SegmentEncoder(int zstdLevel) {
        zstd.setLevel(zstdLevel);
        zstd.setContentSize(true);
        zstd.setChecksum(false);
    }

    private static ByteBuffer allocate(int rawBytes) {
        int lengthBytes = PackLimits.SEGMENT_HEADER_BYTES + (int) Zstd.compressBound(rawBytes);
        return ByteBuffer.allocateDirect(lengthBytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * The segment of the remaining bytes of {@code raw}, a direct buffer. What is returned is valid until the next
     * call.
     *
     * @param mask the sub-chunks in {@code raw}; 0 for map nodes
     */
    public ByteBuffer encode(SegmentKind kind, int mask, ByteBuffer raw) {
        int rawBytes = raw.remaining();
        if (rawBytes == 0 || rawBytes > PackLimits.maxRawBytes(kind)) {
            throw new IllegalArgumentException(kind + " of " + rawBytes + " bytes");
        }
        if (segment.capacity() < PackLimits.SEGMENT_HEADER_BYTES + (int) Zstd.compressBound(rawBytes)) {
            segment = allocate(rawBytes);
        }
        segment.clear();
        int room = segment.capacity() - PackLimits.SEGMENT_HEADER_BYTES;
        int stored = zstd.compressDirectByteBuffer(
                segment, PackLimits.SEGMENT_HEADER_BYTES, room, raw, raw.position(), rawBytes);
        int codec = ZSTD;
        if (stored > rawBytes - rawBytes / 8) {
            codec = STORED;
            stored = rawBytes;
            segment.put(PackLimits.SEGMENT_HEADER_BYTES, raw, raw.position(), rawBytes);
        }
        segment.put(0, (byte) kind.code());
        segment.put(1, (byte) codec);
        segment.putShort(2, (short) mask);
        segment.putInt(4, stored);
        segment.putInt(8, rawBytes);
        segment.limit(PackLimits.SEGMENT_HEADER_BYTES + stored);
        segment.putInt(12, checksum(crc, segment));
        return segment;
    }

    /** CRC32C of the first 12 bytes and what follows the header. */
    static int checksum(CRC32C crc, ByteBuffer segment) {
        crc.reset();
        crc.update(segment.duplicate().position(0).limit(12));
        crc.update(segment.duplicate().position(PackLimits.SEGMENT_HEADER_BYTES));
        return (int) crc.getValue();
    }

    @Override
    public void close() {
        zstd.close();
    }
}
