package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Lays out an empty image: header, refcount table, refcount blocks, L1 table, each in whole clusters. The header is written
 * last: a crash before leaves a file that is no image.
 */
final class NewQcow2 {
    private static final int HEADER_BYTES = 112;
    private static final String[] FEATURE_NAMES = {
        "\0\0dirty bit",
        "\0\1corrupt bit",
        "\0\2external data file",
        "\0\3compression type",
        "\0\4extended L2 entries",
        "\1\0lazy refcounts",
        "\2\0bitmaps",
        "\2\1raw external data"
    };

    private final ImageIo io;
    private final DeltaGeometry geometry;
    private final CreateOptions options;
    private final int clusterBytes;
    private final long l1Entries;
    private final long l1Clusters;
    private final long perBlock;
    private long tableClusters = 1;
    private long blocks = 1;

    NewQcow2(ImageIo io, DeltaGeometry geometry, CreateOptions options) throws ImageException {
        this.io = io;
        this.geometry = geometry;
        this.options = options;
        this.clusterBytes = geometry.clusterSizeBytes();
        requireCreatable();
        long perTable = (long) clusterBytes / (options.extendedL2() ? 16 : 8) * clusterBytes;
        this.l1Entries = (geometry.diskSizeBytes() - 1) / perTable + 1;
        if (l1Entries * 8 > Qcow2Header.MAX_L1_BYTES || geometry.clusters() > PhysicalCluster.MAX_VIRTUAL_CLUSTERS) {
            throw refused("a disk of " + geometry.diskSizeBytes() + " bytes is too large for clusters of "
                    + clusterBytes + "; use larger ones");
        }
        this.l1Clusters = (l1Entries * 8 - 1) / clusterBytes + 1;
        this.perBlock = (long) clusterBytes * 8 >> options.refcountOrder();
        while (true) {
            long neededBlocks = (clusters() - 1) / perBlock + 1;
            long neededTable = (neededBlocks * 8 - 1) / clusterBytes + 1;
            if (neededBlocks <= blocks && neededTable <= tableClusters) {
                break;
            }
            blocks = Math.max(blocks, neededBlocks);
            tableClusters = Math.max(tableClusters, neededTable);
        }
    }

    private void requireCreatable() throws ImageException {
        if (Integer.bitCount(clusterBytes) != 1
                || clusterBytes < 1 << Qcow2Header.MIN_CLUSTER_BITS
                || clusterBytes > 1 << Qcow2Header.MAX_CLUSTER_BITS) {
            throw refused("cluster size " + clusterBytes + " is not a power of two between 512 and 2 MiB");
        }
        boolean second = options.version() == 2;
        if (options.version() != 3 && !second) {
            throw refused("there are versions 2 and 3, not " + options.version());
        }
        if (options.refcountOrder() < 0 || options.refcountOrder() > 6 || (second && options.refcountOrder() != 4)) {
            throw refused("counts cannot have 2^" + options.refcountOrder() + " bits in version " + options.version());
        }
        if (second && (options.lazyRefcounts() || options.extendedL2() || options.zstd())) {
            throw refused("lazy refcounts, subclusters and Zstandard need version 3");
        }
        if (options.extendedL2() && clusterBytes < 16384) {
            throw refused("subclusters need clusters of 16 KiB or more");
        }
        int name = options.backingFile().getBytes(StandardCharsets.UTF_8).length;
        if (name > 1023 || (name > 0 && HEADER_BYTES + 48 + name > clusterBytes)) {
            throw refused("the name of the backing file is too long");
        }
        if (name > 0 && options.backingFormat().isEmpty()) {
            throw refused("the format of the backing file must be given");
        }
    }

    private ImageException refused(String what) {
        return new ImageException(ImageException.Kind.INVALID_REQUEST, io.name() + ": " + what);
    }

    private long clusters() {
        return 1 + tableClusters + blocks + l1Clusters;
    }

    void write() throws IOException {
        io.truncate(clusters() * clusterBytes);
        AlignedBuffer cluster = AlignedBuffer.allocate(clusterBytes);
        for (long i = 0; i < blocks; i++) {
            cluster.putLong((int) (i * 8 % clusterBytes), Long.reverseBytes((1 + tableClusters + i) * clusterBytes));
            if ((i + 1) * 8 % clusterBytes == 0 || i == blocks - 1) {
                io.write((1 + i * 8 / clusterBytes) * clusterBytes, cluster, 0, clusterBytes);
                cluster.zero(0, clusterBytes);
            }
        }
        int bits = 1 << options.refcountOrder();
        for (long i = 0; i < blocks; i++) {
            cluster.zero(0, clusterBytes);
            for (long one = 0; one < Math.min(perBlock, clusters() - i * perBlock); one++) {
                RefcountTable.putCount(cluster, (int) (one * bits / 8), (int) (one * bits % 8), bits, 1);
            }
            io.write((1 + tableClusters + i) * clusterBytes, cluster, 0, clusterBytes);
        }
        io.flush();
        cluster.zero(0, clusterBytes);
        header(cluster.bytes().duplicate().order(ByteOrder.BIG_ENDIAN));
        io.write(0, cluster, 0, clusterBytes);
        io.flush();
    }

    private void header(ByteBuffer bytes) {
        boolean third = options.version() == 3;
        bytes.putInt(0, Qcow2Header.MAGIC);
        bytes.putInt(4, options.version());
        bytes.putInt(20, Integer.numberOfTrailingZeros(clusterBytes));
        bytes.putLong(24, geometry.diskSizeBytes());
        bytes.putInt(36, (int) l1Entries);
        bytes.putLong(40, (1 + tableClusters + blocks) * clusterBytes);
        bytes.putLong(48, clusterBytes);
        bytes.putInt(56, (int) tableClusters);
        int at = third ? HEADER_BYTES : Qcow2Header.V2_BYTES;
        if (third) {
            bytes.putLong(
                    72,
                    (options.zstd() ? Qcow2Header.COMPRESSION_TYPE : 0)
                            | (options.extendedL2() ? Qcow2Header.EXTENDED_L2 : 0));
            bytes.putLong(80, options.lazyRefcounts() ? Qcow2Header.LAZY_REFCOUNTS : 0);
            bytes.putInt(96, options.refcountOrder());
            bytes.putInt(100, HEADER_BYTES);
            bytes.put(104, (byte) (options.zstd() ? Qcow2Header.COMPRESSION_ZSTD : Qcow2Header.COMPRESSION_ZLIB));
        }
        byte[] name = options.backingFile().getBytes(StandardCharsets.UTF_8);
        if (name.length > 0) {
            at = extension(
                    bytes,
                    at,
                    Qcow2Header.EXTENSION_BACKING_FORMAT,
                    options.backingFormat().getBytes(StandardCharsets.US_ASCII));
        }
        if (third && at + 8 + 48 * FEATURE_NAMES.length + 8 + name.length <= clusterBytes) {
            at = extension(bytes, at, Qcow2Header.EXTENSION_FEATURE_NAMES, featureNames());
        }
        at += 8;
        if (name.length > 0) {
            bytes.put(at, name);
            bytes.putLong(8, at);
            bytes.putInt(16, name.length);
        }
    }

    private static int extension(ByteBuffer bytes, int at, int type, byte[] data) {
        bytes.putInt(at, type);
        bytes.putInt(at + 4, data.length);
        bytes.put(at + 8, data);
        return at + 8 + ((data.length + 7) & -8);
    }

    /** 48 bytes each: kind of feature, number of its bit, name. */
    private static byte[] featureNames() {
        byte[] table = new byte[48 * FEATURE_NAMES.length];
        for (int i = 0; i < FEATURE_NAMES.length; i++) {
            byte[] one = FEATURE_NAMES[i].getBytes(StandardCharsets.US_ASCII);
            System.arraycopy(one, 0, table, 48 * i, one.length);
        }
        return table;
    }
}
