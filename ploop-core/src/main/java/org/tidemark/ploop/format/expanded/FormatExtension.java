package org.tidemark.ploop.format.expanded;

import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;

/**
 * The format extension: one cluster of features behind the header. Only its flags are read here.
 *
 * <pre>
 *    0  u64 magic 0xAB234CEF23DCEA87
 *    8  MD5 of the rest of the cluster
 *   24  features: u64 magic (0 ends), u64 flags, u32 data bytes, u32 unused, data, padding to 8
 * </pre>
 */
final class FormatExtension {
    private static final long MAGIC = 0xAB234CEF23DCEA87L;
    private static final int DIGEST = 8;
    private static final int DIGEST_BYTES = 16;
    private static final int FEATURES = 24;
    private static final int FEATURE_HEADER_BYTES = 24;
    private static final long FLAG_NECESSARY = 1;
    private static final long FLAG_TRANSIT = 2;
    private static final int MAX_FEATURES = 1024;
    private static final int PIECE_BYTES = 64 * 1024;

    private FormatExtension() {}

    /** What a program may do that knows none of the features. */
    enum Demand {
        /** Nothing is lost but what may be lost: a writer drops it. */
        NONE,
        /** A writer would have to carry a feature along. */
        CARRY_ALONG,
        /** Not even reading is right without knowing a feature. */
        UNDERSTAND,
        /** It cannot be read, so nobody knows what it asks for. */
        UNREADABLE
    }

    static Demand examine(ImageIo io, ExpandedHeader header) throws IOException {
        long clusterBytes = header.clusterSizeBytes();
        long limitSectors = io.size() / 512;
        if (header.extensionSectors() < 0
                || header.extensionSectors() > limitSectors - header.clusterSectors()
                || clusterBytes < FEATURES) {
            return Demand.UNREADABLE;
        }
        long start = header.extensionSectors() * 512;
        AlignedBuffer piece = AlignedBuffer.allocate(PIECE_BYTES);
        io.read(start, piece, 0, FEATURES);
        byte[] expected = new byte[DIGEST_BYTES];
        piece.bytes().get(DIGEST, expected);
        if (piece.getLong(0) != MAGIC
                || !Arrays.equals(expected, digest(io, start + FEATURES, start + clusterBytes, piece))) {
            return Demand.UNREADABLE;
        }
        return features(io, start + FEATURES, start + clusterBytes, piece);
    }

    private static Demand features(ImageIo io, long from, long end, AlignedBuffer piece) throws IOException {
        long all = 0;
        long at = from;
        for (int count = 0; at + FEATURE_HEADER_BYTES <= end; count++) {
            if (count == MAX_FEATURES) {
                return Demand.UNREADABLE;
            }
            io.read(at, piece, 0, FEATURE_HEADER_BYTES);
            if (piece.getLong(0) == 0) {
                break;
            }
            all |= piece.getLong(8);
            long dataBytes = Integer.toUnsignedLong(piece.getInt(16));
            at += FEATURE_HEADER_BYTES + ((dataBytes + 7) & -8L);
            if (at > end) {
                return Demand.UNREADABLE;
            }
        }
        if ((all & FLAG_NECESSARY) != 0) {
            return Demand.UNDERSTAND;
        }
        return (all & FLAG_TRANSIT) != 0 ? Demand.CARRY_ALONG : Demand.NONE;
    }

    private static byte[] digest(ImageIo io, long from, long end, AlignedBuffer piece) throws IOException {
        MessageDigest md5;
        try {
            md5 = MessageDigest.getInstance("MD5");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java has no MD5", e);
        }
        for (long at = from; at < end; ) {
            int length = (int) Math.min(PIECE_BYTES, end - at);
            io.read(at, piece, 0, length);
            md5.update(piece.bytes().slice(0, length));
            at += length;
        }
        return md5.digest();
    }
}
