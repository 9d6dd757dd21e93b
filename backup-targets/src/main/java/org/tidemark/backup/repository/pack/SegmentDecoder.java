package org.tidemark.backup.repository.pack;

import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.nio.ByteBuffer;
import java.util.Locale;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.chunk.ChunkGeometry;

/** Takes segments apart and believes nothing before it was checked. One thread. */
final class SegmentDecoder implements AutoCloseable {
    private final ZstdDecompressCtx zstd = new ZstdDecompressCtx();
    private final CRC32C crc = new CRC32C();

    /** What a segment says of itself, after its checksum was found right. */
    record Header(SegmentKind kind, int codec, int mask, int storedBytes, int rawBytes) {}

    /** Checks {@code segment}, a whole segment from position 0 to its limit, little-endian. */
    Header check(SegmentRef ref, ByteBuffer segment) throws RepositoryException {
        int stored = segment.getInt(4);
        int raw = segment.getInt(8);
        if (stored != segment.limit() - PackLimits.SEGMENT_HEADER_BYTES) {
            throw damaged(
                    ref,
                    "its length is " + stored + ", the map says "
                            + (segment.limit() - PackLimits.SEGMENT_HEADER_BYTES));
        }
        int expected = segment.getInt(12);
        int found = SegmentEncoder.checksum(crc, segment);
        if (expected != found) {
            throw damaged(
                    ref, String.format(Locale.ROOT, "its checksum is %08x, its bytes have %08x", expected, found));
        }
        @Nullable SegmentKind kind = SegmentKind.ofCode(segment.get(0));
        int codec = segment.get(1);
        int mask = segment.getShort(2) & 0xFFFF;
        if (kind == null || (codec != SegmentEncoder.STORED && codec != SegmentEncoder.ZSTD)) {
            throw RepositoryException.unsupported(ref + ": segment of unknown kind " + segment.get(0) + " or codec "
                    + codec + "; a newer version wrote it");
        }
        if (!plausible(kind, codec, mask, stored, raw)) {
            throw damaged(
                    ref, kind + " of " + raw + " bytes, stored in " + stored + ", mask " + Integer.toHexString(mask));
        }
        return new Header(kind, codec, mask, stored, raw);
    }

    private static boolean plausible(SegmentKind kind, int codec, int mask, int stored, int raw) {
        if (raw <= 0 || raw > PackLimits.maxRawBytes(kind) || stored <= 0 || stored > raw) {
            return false;
        }
        if (codec == SegmentEncoder.STORED && stored != raw) {
            return false;
        }
        return switch (kind) {
            case WHOLE -> mask == ChunkGeometry.WHOLE_MASK && raw == ChunkGeometry.CHUNK_BYTES;
            case SUB_CHUNKS -> mask != 0 && raw == Integer.bitCount(mask) * ChunkGeometry.SUB_CHUNK_BYTES;
            case MAP_PAGE, MAP_DIRECTORY, MAP_ROOT -> mask == 0;
        };
    }

    /**
     * Puts the raw bytes at the position of {@code dst}, a direct buffer with room for them; the position moves behind
     * them.
     */
    void decode(SegmentRef ref, Header header, ByteBuffer segment, ByteBuffer dst) throws RepositoryException {
        int at = dst.position();
        if (header.codec() == SegmentEncoder.STORED) {
            dst.put(at, segment, PackLimits.SEGMENT_HEADER_BYTES, header.rawBytes());
        } else {
            int got;
            try {
                got = zstd.decompressDirectByteBuffer(
                        dst, at, header.rawBytes(), segment, PackLimits.SEGMENT_HEADER_BYTES, header.storedBytes());
            } catch (ZstdException e) {
                throw RepositoryException.damaged(ref + " does not decompress: " + e.getMessage(), e);
            }
            if (got != header.rawBytes()) {
                throw damaged(ref, "it decompresses to " + got + " bytes instead of " + header.rawBytes());
            }
        }
        dst.position(at + header.rawBytes());
    }

    private static RepositoryException damaged(SegmentRef ref, String what) {
        return RepositoryException.damaged("segment in " + ref + " is damaged: " + what);
    }

    @Override
    public void close() {
        zstd.close();
    }
}
