package org.tidemark.ploop.format.expanded;

import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.UUID;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * The format extension: one cluster of features, anywhere in the file (see qemu's docs/interop/parallels.txt).
 *
 * <pre>
 *    0  u64 magic 0xAB234CEF23DCEA87
 *    8  MD5 of the rest of the cluster
 *   24  features: u64 magic (0 ends), u64 flags, u32 data bytes, u32 unused, data, padding to 8
 *
 *   dirty bitmap, magic 0x20385FAE252CB34A:
 *    0  u64 size of the disk in sectors   8  identity, 16 bytes   24  u32 granularity in sectors   28  u32 pieces
 *   32  for each piece, one cluster of bits: u64 0 = clean, 1 = dirty, else the sector where its bits lie, lowest bit first
 * </pre>
 *
 * What a feature demands of a program that does not know it: flag 1, not to open the image; flag 2, to carry it along.
 *
 * @param bitmaps the bitmaps, whose clusters were read
 * @param unknown all other features
 * @param clusters the clusters of the file that hold the extension and the bits
 */
public record FormatExtension(List<StoredBitmap> bitmaps, List<Feature> unknown, List<Long> clusters) {
    static final long MAGIC = 0xAB234CEF23DCEA87L;
    static final long BITMAP = 0x20385FAE252CB34AL;

    private static final int DIGEST = 8;
    private static final int DIGEST_BYTES = 16;
    private static final int FEATURES = 24;
    private static final int FEATURE_HEADER_BYTES = 24;
    private static final int BITMAP_HEADER_BYTES = 32;
    private static final long FLAG_NECESSARY = 1;
    private static final long FLAG_TRANSIT = 2;
    private static final int MAX_FEATURES = 1024;

    /** Of all bitmaps that are read at once: 128 MiB. */
    private static final long MOST_BITS = 4 * StoredBitmap.MAX_BITS;

    private static final int MAX_CARRIED_BYTES = 1 << 20;

    /** A feature as it lies in the file. */
    public record Feature(long magic, long flags, byte[] data) {
        boolean isNecessary() {
            return (flags & FLAG_NECESSARY) != 0;
        }

        boolean isTransit() {
            return (flags & FLAG_TRANSIT) != 0;
        }
    }

    /**
     * Reads the extension that the header names, whether or not it may be believed. Memory is bounded by the cluster that
     * it lies in, which the file has, and by the bits of the bitmaps.
     *
     * @throws ImageException of kind DAMAGED when it makes no sense
     */
    public static FormatExtension read(ImageIo io, ExpandedHeader header) throws IOException {
        return read(io, header, true);
    }

    /** The same, with bitmaps that show nothing: what there is, and where it lies, in little memory. */
    public static FormatExtension readWithoutBits(ImageIo io, ExpandedHeader header) throws IOException {
        return read(io, header, false);
    }

    private static FormatExtension read(ImageIo io, ExpandedHeader header, boolean withBits) throws IOException {
        long clusterBytes = header.clusterSizeBytes();
        long sectors = header.extensionSectors();
        if (sectors <= 0
                || sectors * 512 < header.dataStartBytes()
                || sectors > io.size() / 512 - header.clusterSectors()
                || clusterBytes < FEATURES) {
            throw damaged(
                    io, "lies at sector " + Long.toUnsignedString(sectors) + ", which the data area does not have");
        }
        AlignedBuffer cluster = AlignedBuffer.allocate((int) clusterBytes);
        io.read(sectors * 512, cluster, 0, (int) clusterBytes);
        byte[] expected = new byte[DIGEST_BYTES];
        cluster.bytes().get(DIGEST, expected);
        if (cluster.getLong(0) != MAGIC || !MessageDigest.isEqual(expected, digest(cluster, (int) clusterBytes))) {
            throw damaged(io, "has a wrong signature or checksum");
        }
        FormatExtension found = new FormatExtension(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        found.claim(header, sectors);
        found.parse(io, header, cluster, (int) clusterBytes, withBits);
        return found;
    }

    private static ImageException damaged(ImageIo io, String what) {
        return new ImageException(ImageException.Kind.DAMAGED, io.name() + ": the format extension " + what);
    }

    private void claim(ExpandedHeader header, long sector) {
        ClusterGrid grid = header.grid();
        long first = (sector * 512 - grid.positionBytes(0)) / grid.clusterBytes();
        clusters.add(first);
        if (grid.positionBytes(first) != sector * 512) {
            clusters.add(first + 1);
        }
    }

    private void parse(ImageIo io, ExpandedHeader header, AlignedBuffer cluster, int end, boolean withBits)
            throws IOException {
        int at = FEATURES;
        long bits = 0;
        for (int count = 0; at + FEATURE_HEADER_BYTES <= end && cluster.getLong(at) != 0; count++) {
            long length = Integer.toUnsignedLong(cluster.getInt(at + 16));
            if (count == MAX_FEATURES || length > end - at - FEATURE_HEADER_BYTES) {
                throw damaged(io, "has features that do not fit into it");
            }
            byte[] data = new byte[(int) length];
            cluster.bytes().get(at + FEATURE_HEADER_BYTES, data);
            long magic = cluster.getLong(at);
            if (magic == BITMAP) {
                StoredBitmap bitmap = readBitmap(
                        io, header, cluster.slice(at + FEATURE_HEADER_BYTES, data.length), data.length, withBits);
                bits += bitmap.bits();
                if (withBits && bits > MOST_BITS) {
                    throw damaged(io, "has bitmaps of more than " + MOST_BITS + " bits together");
                }
                bitmaps.add(bitmap);
            } else {
                unknown.add(new Feature(magic, cluster.getLong(at + 8), data));
            }
            // Not beyond the end: what is padded may end exactly there.
            at = (int) Math.min(end, at + FEATURE_HEADER_BYTES + ((length + 7) & -8L));
        }
    }

    private StoredBitmap readBitmap(ImageIo io, ExpandedHeader header, AlignedBuffer data, int length, boolean withBits)
            throws IOException {
        if (length < BITMAP_HEADER_BYTES) {
            throw damaged(io, "has a bitmap of " + length + " bytes");
        }
        long size = data.getLong(0);
        int granularity = data.getInt(24);
        long pieces = Integer.toUnsignedLong(data.getInt(28));
        if (size != header.diskSectors()
                || Integer.bitCount(granularity) != 1
                || granularity < 0
                || StoredBitmap.bitsOf(size, granularity) > StoredBitmap.MAX_BITS) {
            throw damaged(
                    io, "has a bitmap of " + size + " sectors in parts of " + Integer.toUnsignedString(granularity));
        }
        int bits = (int) StoredBitmap.bitsOf(size, granularity);
        long pieceBits = header.clusterSizeBytes() * 8L;
        // Some writers of empty bitmaps leave the pieces out.
        if ((pieces != 0 && pieces != ExpandedHeader.ceilDiv(bits, pieceBits))
                || length != BITMAP_HEADER_BYTES + 8 * pieces) {
            throw damaged(io, "has a bitmap in " + pieces + " pieces, which does not agree with its size");
        }
        BitSet dirty = new BitSet();
        AlignedBuffer piece = AlignedBuffer.allocate(withBits ? header.clusterSizeBytes() : 0);
        for (int i = 0; i < pieces; i++) {
            long place = data.getLong(BITMAP_HEADER_BYTES + 8 * i);
            int first = (int) (i * pieceBits);
            int until = (int) Math.min(bits, first + pieceBits);
            if (place == 0) {
                continue;
            }
            if (place != 1) {
                claimPiece(io, header, place);
            }
            if (withBits && place == 1) {
                dirty.set(first, until);
            } else if (withBits) {
                readPiece(io, header, place, piece, dirty, first, until);
            }
        }
        return new StoredBitmap(new UUID(bigEndian(data, 8), bigEndian(data, 16)), size, granularity, dirty);
    }

    private void claimPiece(ImageIo io, ExpandedHeader header, long place) throws IOException {
        if (place < 0 || place > io.size() / 512 - header.clusterSectors() || place * 512 < header.dataStartBytes()) {
            throw damaged(io, "has bits at sector " + Long.toUnsignedString(place) + ", beyond the data area");
        }
        claim(header, place);
    }

    private static void readPiece(
            ImageIo io, ExpandedHeader header, long place, AlignedBuffer piece, BitSet dirty, int first, int until)
            throws IOException {
        io.read(place * 512, piece, 0, header.clusterSizeBytes());
        for (int bit = first; bit < until; bit++) {
            if ((piece.bytes().get((bit - first) >>> 3) >>> (bit & 7) & 1) != 0) {
                dirty.set(bit);
            }
        }
    }

    private static long bigEndian(AlignedBuffer data, int offset) {
        return Long.reverseBytes(data.getLong(offset));
    }

    /** Whether nobody may open the image who does not know all its features. */
    boolean isForbidding() {
        return unknown.stream().anyMatch(Feature::isNecessary);
    }

    /** What a writer has to carry along. */
    List<Feature> transit() {
        return unknown.stream().filter(Feature::isTransit).toList();
    }

    /** Whether that is little enough to be kept in memory while the image is open. */
    boolean canBeCarried() {
        return transit().stream().mapToLong(feature -> feature.data().length).sum() <= MAX_CARRIED_BYTES;
    }

    /** As many of the bitmaps, from the first one on, as fit into one extension with what is carried along. */
    static List<StoredBitmap> fitting(ExpandedHeader header, List<StoredBitmap> bitmaps, List<Feature> carried) {
        long room = header.clusterSizeBytes() - FEATURES;
        for (Feature feature : carried) {
            room -= FEATURE_HEADER_BYTES + (feature.data().length + 7 & -8);
        }
        List<StoredBitmap> fitting = new ArrayList<>();
        for (StoredBitmap bitmap : bitmaps) {
            long pieces = ExpandedHeader.ceilDiv(bitmap.bits(), header.clusterSizeBytes() * 8L);
            room -= FEATURE_HEADER_BYTES + BITMAP_HEADER_BYTES + 8 * pieces;
            if (room < 0) {
                break;
            }
            fitting.add(bitmap);
        }
        return fitting;
    }

    /**
     * Writes bits and extension behind the end of the file; durable on return. Nothing names them before the header does,
     * so a crash leaves clusters that belong to nobody.
     *
     * @return the sector for the header
     */
    static long append(ImageIo io, ExpandedHeader header, List<StoredBitmap> bitmaps, List<Feature> carried)
            throws IOException {
        ClusterGrid grid = header.grid();
        long[] next = {grid.startedClusters(io.size())};
        AlignedBuffer cluster = AlignedBuffer.allocate(grid.clusterBytes());
        List<Feature> features = new ArrayList<>(carried);
        for (StoredBitmap bitmap : bitmaps) {
            features.add(new Feature(BITMAP, 0, appendBits(io, grid, bitmap, next)));
        }
        int at = FEATURES;
        for (Feature feature : features) {
            if (feature.data().length > grid.clusterBytes() - at - FEATURE_HEADER_BYTES) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        io.name() + ": the format extension does not fit into a cluster of " + grid.clusterBytes());
            }
            cluster.putLong(at, feature.magic());
            cluster.putLong(at + 8, feature.flags());
            cluster.putInt(at + 16, feature.data().length);
            cluster.bytes().put(at + FEATURE_HEADER_BYTES, feature.data());
            at += FEATURE_HEADER_BYTES + (feature.data().length + 7 & -8);
        }
        cluster.putLong(0, MAGIC);
        cluster.bytes().put(DIGEST, digest(cluster, grid.clusterBytes()));
        io.write(grid.positionBytes(next[0]), cluster, 0, grid.clusterBytes());
        io.flush();
        return grid.positionBytes(next[0]) / 512;
    }

    private static byte[] appendBits(ImageIo io, ClusterGrid grid, StoredBitmap bitmap, long[] next)
            throws IOException {
        long pieceBits = grid.clusterBytes() * 8L;
        int pieces = (int) ExpandedHeader.ceilDiv(bitmap.bits(), pieceBits);
        AlignedBuffer data = AlignedBuffer.allocate(BITMAP_HEADER_BYTES + 8 * pieces);
        data.putLong(0, bitmap.diskSectors());
        data.putLong(8, Long.reverseBytes(bitmap.id().getMostSignificantBits()));
        data.putLong(16, Long.reverseBytes(bitmap.id().getLeastSignificantBits()));
        data.putInt(24, bitmap.granularitySectors());
        data.putInt(28, pieces);
        AlignedBuffer piece = AlignedBuffer.allocate(grid.clusterBytes());
        for (int i = 0; i < pieces; i++) {
            int first = (int) (i * pieceBits);
            BitSet part = bitmap.dirty().get(first, (int) Math.min(bitmap.bits(), first + pieceBits));
            if (part.isEmpty()) {
                continue;
            }
            piece.zero(0, grid.clusterBytes());
            piece.bytes().put(0, part.toByteArray());
            io.write(grid.positionBytes(next[0]), piece, 0, grid.clusterBytes());
            data.putLong(BITMAP_HEADER_BYTES + 8 * i, grid.positionBytes(next[0]) / 512);
            next[0]++;
        }
        byte[] bytes = new byte[BITMAP_HEADER_BYTES + 8 * pieces];
        data.bytes().get(0, bytes);
        return bytes;
    }

    private static byte[] digest(AlignedBuffer cluster, int clusterBytes) {
        try {
            MessageDigest md5 = MessageDigest.getInstance("MD5");
            md5.update(cluster.bytes().slice(FEATURES, clusterBytes - FEATURES));
            return md5.digest();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java has no MD5", e);
        }
    }
}
