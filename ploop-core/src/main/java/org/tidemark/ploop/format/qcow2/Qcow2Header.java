package org.tidemark.ploop.format.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * The header of a qcow2 image, version 2 or 3; all numbers big-endian. Source: the specification that comes with QEMU,
 * docs/interop/qcow2.
 *
 * <pre>
 *   0 magic "QFI\xfb"   4 version            8 u64 backing name offset   16 u32 backing name length
 *  20 u32 cluster bits 24 u64 disk bytes    32 u32 encryption           36 u32 L1 entries    40 u64 L1 offset
 *  48 u64 refcount table offset             56 u32 refcount table clusters
 *  60 u32 snapshots    64 u64 snapshot table offset
 *  72 u64 incompatible 80 u64 compatible    88 u64 autoclear            96 u32 refcount order
 * 100 u32 header bytes 104 u8 compression   then extensions: u32 type, u32 length, data padded to 8; type 0 ends
 * </pre>
 *
 * @param l1Entries entries of the active L1 table
 * @param refcountTableClusters clusters of the refcount table
 * @param refcountOrder a refcount has {@code 1 << refcountOrder} bits
 * @param backingFile name of the backing file as it stands there, or ""
 * @param extensions in order, without the end mark
 */
public record Qcow2Header(
        int version,
        int clusterBits,
        long diskSizeBytes,
        int l1Entries,
        long l1Offset,
        long refcountTableOffset,
        int refcountTableClusters,
        int snapshots,
        long snapshotTableOffset,
        long incompatible,
        long compatible,
        long autoclear,
        int refcountOrder,
        int headerBytes,
        int compression,
        String backingFile,
        List<HeaderExtension> extensions) {
    static final int MAGIC = 0x514649FB;
    static final int V2_BYTES = 72;
    static final int V3_BYTES = 104;

    static final int AT_DISK_SIZE = 24;
    /** Where the number of the encryption method stands. */
    public static final int AT_ENCRYPTION = 32;

    /** In the place of the encryption method while a repair is put back: no program opens it. */
    public static final int BEING_PUT_BACK = 0x6F646E75;

    static final int AT_REFCOUNT_TABLE = 48;
    static final int AT_L1_OFFSET = 40;
    static final int AT_SNAPSHOTS = 60;
    static final int AT_FEATURES = 72;

    static final int MIN_CLUSTER_BITS = 9;
    static final int MAX_CLUSTER_BITS = 21;
    static final int MAX_L1_BYTES = 32 << 20;
    static final int MAX_REFCOUNT_TABLE_BYTES = 8 << 20;
    static final int MAX_SNAPSHOTS = 65_536;
    private static final int MAX_BACKING_NAME = 1023;
    private static final int MAX_EXTENSIONS = 64;

    /** Incompatible: refcounts may be wrong; set while somebody writes. */
    static final long DIRTY = 1;
    /** Incompatible: a program saw that the structures contradict each other. */
    static final long CORRUPT = 2;
    /** Incompatible: data lies in another file. */
    static final long EXTERNAL_DATA = 4;
    /** Incompatible: the byte at 104 says how clusters are compressed. */
    static final long COMPRESSION_TYPE = 8;
    /** Incompatible: L2 entries have 16 bytes, with bits for 32 subclusters. */
    static final long EXTENDED_L2 = 16;

    private static final long KNOWN_INCOMPATIBLE = 31;

    /** Compatible: refcounts are written lazily, the dirty bit protects them. */
    static final long LAZY_REFCOUNTS = 1;

    /** Autoclear: the bitmaps extension says the truth. */
    static final long BITMAPS_VALID = 1;
    /** Autoclear: the external data file is a raw image of the disk. */
    static final long RAW_EXTERNAL = 2;

    static final int COMPRESSION_ZLIB = 0;
    static final int COMPRESSION_ZSTD = 1;

    static final int EXTENSION_BACKING_FORMAT = 0xE2792ACA;
    static final int EXTENSION_FEATURE_NAMES = 0x6803F857;
    static final int EXTENSION_BITMAPS = 0x23852875;
    static final int EXTENSION_DATA_FILE = 0x44415441;

    /** The same for a disk of another size. */
    Qcow2Header withDiskSize(long bytes) {
        return new Qcow2Header(
                version,
                clusterBits,
                bytes,
                l1Entries,
                l1Offset,
                refcountTableOffset,
                refcountTableClusters,
                snapshots,
                snapshotTableOffset,
                incompatible,
                compatible,
                autoclear,
                refcountOrder,
                headerBytes,
                compression,
                backingFile,
                extensions);
    }

    public int clusterSizeBytes() {
        return 1 << clusterBits;
    }

    public boolean dirty() {
        return (incompatible & DIRTY) != 0;
    }

    public boolean corrupt() {
        return (incompatible & CORRUPT) != 0;
    }

    public boolean extendedL2() {
        return (incompatible & EXTENDED_L2) != 0;
    }

    public boolean externalData() {
        return (incompatible & EXTERNAL_DATA) != 0;
    }

    boolean lazyRefcounts() {
        return (compatible & LAZY_REFCOUNTS) != 0;
    }

    int l2EntryBytes() {
        return extendedL2() ? 16 : 8;
    }

    /** Clusters of the disk that one L2 table maps. */
    int l2Entries() {
        return clusterSizeBytes() / l2EntryBytes();
    }

    int refcountBits() {
        return 1 << refcountOrder;
    }

    /** Clusters of the file that one refcount block counts. */
    long refcountBlockEntries() {
        return (long) clusterSizeBytes() * 8 / refcountBits();
    }

    public DeltaGeometry geometry() {
        return new DeltaGeometry(diskSizeBytes, clusterSizeBytes());
    }

    long neededL1Entries() {
        long perTable = (long) l2Entries() * clusterSizeBytes();
        return diskSizeBytes / perTable + (diskSizeBytes % perTable == 0 ? 0 : 1);
    }

    /** The format of the backing file, when the image says so. */
    public Optional<String> backingFormat() {
        return text(EXTENSION_BACKING_FORMAT);
    }

    /** The name of the file that holds the data, of an image with external data. */
    public Optional<String> dataFile() {
        return text(EXTENSION_DATA_FILE);
    }

    private Optional<String> text(int type) {
        return extension(type).map(HeaderExtension::text);
    }

    Optional<HeaderExtension> extension(int type) {
        return extensions.stream().filter(one -> one.type() == type).findFirst();
    }

    /** Reads and checks the header of a file. What it names is within the file's size where that can be said. */
    public static Qcow2Header read(ImageIo io) throws IOException {
        long size = io.size();
        AlignedBuffer head = AlignedBuffer.allocate(4096);
        io.read(0, head, 0, 512);
        ByteBuffer bytes = bigEndian(head);
        if (bytes.getInt(0) != MAGIC) {
            throw new ImageException(ImageException.Kind.NOT_AN_IMAGE, io.name() + ": has no qcow2 signature");
        }
        int version = bytes.getInt(4);
        if (version != 2 && version != 3) {
            throw unsupported(io, "is qcow2 version " + Integer.toUnsignedString(version) + "; known are 2 and 3");
        }
        int clusterBits = bytes.getInt(20);
        if (clusterBits < MIN_CLUSTER_BITS || clusterBits > MAX_CLUSTER_BITS) {
            throw damaged(
                    io,
                    "the header says clusters of 2^" + Integer.toUnsignedString(clusterBits)
                            + " bytes; possible are 2^9 to 2^21");
        }
        refuseEncryption(io, bytes.getInt(32));
        int firstCluster = (int) Math.min(1L << clusterBits, Math.max(size, 512));
        AlignedBuffer cluster = AlignedBuffer.allocate(firstCluster);
        io.read(0, cluster, 0, firstCluster);
        Qcow2Header header = decode(io, bigEndian(cluster), firstCluster, version, clusterBits);
        header.validate(io, size);
        return header;
    }

    private static ByteBuffer bigEndian(AlignedBuffer buffer) {
        return buffer.bytes().duplicate().order(ByteOrder.BIG_ENDIAN);
    }

    private static void refuseEncryption(ImageIo io, int method) throws ImageException {
        if (method == 1 || method == 2) {
            throw unsupported(
                    io,
                    "is encrypted (" + (method == 1 ? "AES" : "LUKS")
                            + "), which is not supported; decrypt it first with qemu-img convert");
        }
        if (method == Integer.reverseBytes(BEING_PUT_BACK)) {
            throw new ImageException(
                    ImageException.Kind.NOT_CLOSED,
                    io.name() + ": image check --undo was interrupted; run it again with the same undo file");
        }
        if (method != 0) {
            throw damaged(io, "the header names encryption method " + Integer.toUnsignedString(method));
        }
    }

    private static Qcow2Header decode(ImageIo io, ByteBuffer bytes, int length, int version, int clusterBits)
            throws ImageException {
        boolean v3 = version == 3;
        int headerBytes = v3 ? bytes.getInt(100) : V2_BYTES;
        if (headerBytes < (v3 ? V3_BYTES : V2_BYTES) || headerBytes > length || headerBytes % 8 != 0) {
            throw damaged(io, "the header says it has " + Integer.toUnsignedString(headerBytes) + " bytes");
        }
        long incompatible = v3 ? bytes.getLong(72) : 0;
        long unknown = incompatible & ~KNOWN_INCOMPATIBLE;
        if (unknown != 0) {
            throw unsupported(
                    io,
                    "uses an incompatible feature that this version does not know: bit "
                            + Long.numberOfTrailingZeros(unknown));
        }
        int compression = v3 && headerBytes > V3_BYTES ? bytes.get(104) & 0xFF : COMPRESSION_ZLIB;
        long backingAt = bytes.getLong(8);
        int backingLength = bytes.getInt(16);
        String backing = "";
        if (backingAt != 0) {
            if (backingLength < 0
                    || backingLength > MAX_BACKING_NAME
                    || backingAt < headerBytes
                    || backingAt > length - backingLength) {
                throw damaged(
                        io,
                        "the name of the backing file is said to lie at " + backingAt + " with "
                                + Integer.toUnsignedString(backingLength) + " bytes, outside the first cluster");
            }
            byte[] name = new byte[backingLength];
            bytes.get((int) backingAt, name);
            backing = new String(name, StandardCharsets.UTF_8);
        }
        int extensionEnd = backingAt != 0 ? (int) backingAt : length;
        return new Qcow2Header(
                version,
                clusterBits,
                bytes.getLong(24),
                bytes.getInt(36),
                bytes.getLong(40),
                bytes.getLong(48),
                bytes.getInt(56),
                bytes.getInt(60),
                bytes.getLong(64),
                incompatible,
                v3 ? bytes.getLong(80) : 0,
                v3 ? bytes.getLong(88) : 0,
                v3 ? bytes.getInt(96) : 4,
                headerBytes,
                compression,
                backing,
                extensions(io, bytes, headerBytes, extensionEnd));
    }

    private static List<HeaderExtension> extensions(ImageIo io, ByteBuffer bytes, int from, int end)
            throws ImageException {
        List<HeaderExtension> found = new ArrayList<>();
        int at = from;
        while (at + 8 <= end) {
            int type = bytes.getInt(at);
            int length = bytes.getInt(at + 4);
            if (type == 0) {
                break;
            }
            if (length < 0 || length > end - at - 8 || found.size() == MAX_EXTENSIONS) {
                throw damaged(
                        io,
                        "the header extension at byte " + at + " says " + Integer.toUnsignedString(length)
                                + " bytes, or there are too many");
            }
            byte[] data = new byte[length];
            bytes.get(at + 8, data);
            found.add(new HeaderExtension(type, at + 8, data));
            at += 8 + ((length + 7) & -8);
        }
        return List.copyOf(found);
    }

    private void validate(ImageIo io, long fileBytes) throws ImageException {
        if (diskSizeBytes <= 0 || diskSizeBytes % DeltaGeometry.SECTOR_BYTES != 0) {
            throw unsupported(
                    io,
                    "has a disk of " + Long.toUnsignedString(diskSizeBytes)
                            + " bytes; supported are positive multiples of 512");
        }
        if (refcountOrder < 0 || refcountOrder > 6) {
            throw damaged(io, "the header says refcount order " + Integer.toUnsignedString(refcountOrder));
        }
        if (extendedL2() && clusterBits < 14) {
            throw damaged(io, "has subclusters in clusters of only " + clusterSizeBytes() + " bytes");
        }
        if (compression != COMPRESSION_ZLIB && compression != COMPRESSION_ZSTD) {
            throw unsupported(io, "uses compression type " + compression + "; known are zlib and zstd");
        }
        if ((compression != COMPRESSION_ZLIB) != ((incompatible & COMPRESSION_TYPE) != 0)) {
            throw damaged(io, "the compression type and its feature bit do not agree");
        }
        if (geometry().clusters() > PhysicalCluster.MAX_VIRTUAL_CLUSTERS) {
            throw unsupported(
                    io,
                    "has " + geometry().clusters() + " clusters, at most " + PhysicalCluster.MAX_VIRTUAL_CLUSTERS
                            + " are supported");
        }
        if (l1Entries < 0 || (long) l1Entries * 8 > MAX_L1_BYTES || l1Entries < neededL1Entries()) {
            throw damaged(
                    io,
                    "the L1 table has " + Integer.toUnsignedString(l1Entries) + " entries, the disk needs "
                            + neededL1Entries());
        }
        requireTable(io, "L1 table", l1Offset, l1Entries * 8L, fileBytes);
        long refcountTableBytes = Integer.toUnsignedLong(refcountTableClusters) << clusterBits;
        if (refcountTableBytes > MAX_REFCOUNT_TABLE_BYTES || refcountTableClusters == 0) {
            throw damaged(
                    io,
                    "the refcount table has " + Integer.toUnsignedString(refcountTableClusters)
                            + " clusters; possible are 1 to " + (MAX_REFCOUNT_TABLE_BYTES >> clusterBits));
        }
        requireTable(io, "refcount table", refcountTableOffset, refcountTableBytes, fileBytes);
        if (snapshots < 0 || snapshots > MAX_SNAPSHOTS) {
            throw damaged(io, "the header says " + Integer.toUnsignedString(snapshots) + " snapshots");
        }
        if (snapshots > 0) {
            requireTable(io, "snapshot table", snapshotTableOffset, 40L * snapshots, fileBytes);
        }
        if (externalData() && snapshots > 0) {
            throw damaged(io, "has snapshots although its data lies in another file");
        }
    }

    private void requireTable(ImageIo io, String what, long offset, long bytes, long fileBytes) throws ImageException {
        long end = (fileBytes + clusterSizeBytes() - 1) & -clusterSizeBytes();
        if (offset <= 0 || offset % clusterSizeBytes() != 0 || offset > end - bytes) {
            throw damaged(
                    io,
                    "the " + what + " is said to lie at " + Long.toUnsignedString(offset) + " with " + bytes
                            + " bytes, the file has " + fileBytes);
        }
    }

    private static ImageException damaged(ImageIo io, String what) {
        return new ImageException(ImageException.Kind.DAMAGED, io.name() + ": " + what);
    }

    private static ImageException unsupported(ImageIo io, String what) {
        return new ImageException(ImageException.Kind.UNSUPPORTED, io.name() + ": " + what);
    }
}
