package org.tidemark.ploop.format.expanded;

import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;

/**
 * The first 64 bytes of an expanded image, little-endian.
 *
 * <pre>
 *        0                   4                   8                  12
 *       +-------------------+-------------------+-------------------+-------------------+
 *    0  | signature, 16 bytes: "WithoutFreeSpace" (v1), "WithouFreSpacExt" (v2)         |
 *       +-------------------+-------------------+-------------------+-------------------+
 *   16  | type, always 2    | heads             | cylinders         | cluster, sectors  |
 *       +-------------------+-------------------+-------------------+-------------------+
 *   32  | BAT entries       | disk size, sectors (64 bits)          | mark of use       |
 *       +-------------------+-------------------+-------------------+-------------------+
 *   48  | first block, sect.| flags             | format extension, sectors (64 bits)   |
 *       +-------------------+-------------------+-------------------+-------------------+
 *   64  | BAT ...
 * </pre>
 *
 * @param entries number of BAT entries
 * @param diskSectors size of the disk; version 1 has only the low 32 bits, the others are ignored and written as 0
 * @param firstBlockSectors where the data area begins; 0 in some images of version 1, see {@link #dataStartBytes}
 * @param extensionSectors where the format extension lies, 0 for none
 * @param phaseSectors not in the file: of an image of version 1 that leaves open where its data area begins, where in a
 *     cluster size its clusters begin, as the entries show it; -1 for any other
 */
public record ExpandedHeader(
        ExpandedVersion version,
        int type,
        int heads,
        int cylinders,
        int clusterSectors,
        long entries,
        long diskSectors,
        int useMark,
        int firstBlockSectors,
        int flags,
        long extensionSectors,
        int phaseSectors) {
    /** In {@link #phaseSectors}: nothing was found. */
    private static final int NO_PHASE = -1;

    /** Bytes of the header; the BAT follows. */
    public static final int BYTES = 64;

    /** Open for writing, or crashed. */
    public static final int MARK_IN_USE = 0x746F6E59;

    /** Closed by a writer that does not know the format extension. */
    public static final int MARK_CLOSED = 0;

    /** Closed by a writer that knows the format extension ("v2.1"). */
    public static final int MARK_CLOSED_V21 = 0x312E3276;

    /** No cluster is allocated. Informational: no logic may depend on it. */
    public static final int FLAG_EMPTY = 1;

    /** A conversion between the versions was interrupted. */
    public static final int FLAG_CONVERTING = 2;

    /** All flags set: the image is invalid. */
    public static final int FLAGS_INVALID = 0xFFFFFFFF;

    static final int TYPE_COMPRESSED = 2;
    static final int MIN_CREATE_SECTORS = 64;
    static final int MAX_CLUSTER_SECTORS = 131_072;

    /** The field has 32 bits. Other readers stop earlier: qemu at a table of 2 GiB, which is 536,870,911 entries. */
    static final long MAX_ENTRIES = 0xFFFFFFFEL;

    /** Version 1 has 32 bits for the size of the disk, and for a position in the file. */
    static final long MAX_V1_SECTORS = 0xFFFFFFFFL;

    private static final int TYPE = 16;
    private static final int HEADS = 20;
    private static final int CYLINDERS = 24;
    private static final int CLUSTER_SECTORS = 28;
    private static final int ENTRIES = 32;
    private static final int DISK_SECTORS = 36;
    private static final int USE_MARK = 44;
    private static final int FIRST_BLOCK_SECTORS = 48;
    private static final int FLAGS = 52;
    private static final int EXTENSION_SECTORS = 56;

    /** As it stands in the file. */
    public ExpandedHeader(
            ExpandedVersion version,
            int type,
            int heads,
            int cylinders,
            int clusterSectors,
            long entries,
            long diskSectors,
            int useMark,
            int firstBlockSectors,
            int flags,
            long extensionSectors) {
        this(
                version,
                type,
                heads,
                cylinders,
                clusterSectors,
                entries,
                diskSectors,
                useMark,
                firstBlockSectors,
                flags,
                extensionSectors,
                NO_PHASE);
    }

    /** Whether only the entries tell where the data area begins. */
    boolean leavesDataStartOpen() {
        return version == ExpandedVersion.V1 && firstBlockSectors == 0;
    }

    /** The same, with the place of a cluster that an entry names. */
    ExpandedHeader withClusterAt(long sector) {
        return new ExpandedHeader(
                version,
                type,
                heads,
                cylinders,
                clusterSectors,
                entries,
                diskSectors,
                useMark,
                firstBlockSectors,
                flags,
                extensionSectors,
                (int) (sector % clusterSectors));
    }

    /** The header of a new, empty image. */
    static ExpandedHeader fresh(ExpandedVersion version, DeltaGeometry geometry) {
        long diskSectors = geometry.diskSizeBytes() / DeltaGeometry.SECTOR_BYTES;
        int clusterSectors = geometry.clusterSizeBytes() / DeltaGeometry.SECTOR_BYTES;
        DiskChs chs = DiskChs.of(diskSectors);
        long entries = geometry.clusters();
        long tableClusters = ceilDiv(BYTES + 4 * entries, geometry.clusterSizeBytes());
        return new ExpandedHeader(
                version,
                TYPE_COMPRESSED,
                chs.heads(),
                (int) chs.cylinders(),
                clusterSectors,
                entries,
                diskSectors,
                MARK_CLOSED,
                (int) (tableClusters * clusterSectors),
                FLAG_EMPTY,
                0);
    }

    /** The same image with a larger disk, closed and without a format extension. */
    ExpandedHeader grownTo(DeltaGeometry to) {
        ExpandedHeader empty = fresh(version, to);
        return new ExpandedHeader(
                version,
                type,
                empty.heads,
                empty.cylinders,
                clusterSectors,
                empty.entries,
                empty.diskSectors,
                MARK_CLOSED,
                Math.max(empty.firstBlockSectors, firstBlockSectors),
                flags,
                0);
    }

    /** Takes the fields as they are; only the signature must be one. */
    public static ExpandedHeader decode(String name, AlignedBuffer src, int offset) throws ImageException {
        ExpandedVersion version = ExpandedVersion.of(src, offset);
        if (version == null) {
            throw new ImageException(ImageException.Kind.NOT_AN_IMAGE, name + ": not an expanded image (no signature)");
        }
        return new ExpandedHeader(
                version,
                src.getInt(offset + TYPE),
                src.getInt(offset + HEADS),
                src.getInt(offset + CYLINDERS),
                src.getInt(offset + CLUSTER_SECTORS),
                Integer.toUnsignedLong(src.getInt(offset + ENTRIES)),
                src.getLong(offset + DISK_SECTORS) & (version == ExpandedVersion.V1 ? MAX_V1_SECTORS : -1L),
                src.getInt(offset + USE_MARK),
                src.getInt(offset + FIRST_BLOCK_SECTORS),
                src.getInt(offset + FLAGS),
                src.getLong(offset + EXTENSION_SECTORS));
    }

    public void encode(AlignedBuffer dst, int offset) {
        version.putSignature(dst, offset);
        dst.putInt(offset + TYPE, type);
        dst.putInt(offset + HEADS, heads);
        dst.putInt(offset + CYLINDERS, cylinders);
        dst.putInt(offset + CLUSTER_SECTORS, clusterSectors);
        dst.putInt(offset + ENTRIES, (int) entries);
        dst.putLong(offset + DISK_SECTORS, diskSectors);
        dst.putInt(offset + USE_MARK, useMark);
        dst.putInt(offset + FIRST_BLOCK_SECTORS, firstBlockSectors);
        dst.putInt(offset + FLAGS, flags);
        dst.putLong(offset + EXTENSION_SECTORS, extensionSectors);
    }

    /** Throws for a header that contradicts itself or that this version cannot read. Looks at nothing else. */
    public void validate(String name) throws ImageException {
        if (type != TYPE_COMPRESSED) {
            throw damaged(name, "type field is " + Integer.toUnsignedString(type) + ", not 2");
        }
        if (flags == FLAGS_INVALID) {
            throw damaged(name, "the image is flagged as invalid");
        }
        if ((flags & FLAG_CONVERTING) != 0) {
            throw unsupported(
                    name,
                    "a conversion between format versions was interrupted; run the conversion again, or image check"
                            + " --repair to go back");
        }
        if (clusterSectors == 0) {
            throw damaged(name, "cluster size is 0");
        }
        if (Integer.toUnsignedLong(clusterSectors) > MAX_CLUSTER_SECTORS) {
            throw unsupported(
                    name,
                    "clusters of " + Integer.toUnsignedString(clusterSectors) + " sectors are larger than 64 MiB");
        }
        if (entries <= 0 || entries > MAX_ENTRIES) {
            throw damaged(name, "table of " + entries + " entries, possible are 1 to " + MAX_ENTRIES);
        }
        if (diskSectors <= 0 || diskSectors > entries * clusterSectors) {
            throw damaged(
                    name,
                    "disk of " + Long.toUnsignedString(diskSectors) + " sectors does not fit into " + entries
                            + " clusters of " + clusterSectors + " sectors");
        }
        boolean aligned = version == ExpandedVersion.V1 || grid().aligned();
        if (!aligned || dataStartBytes() < tableEndBytes()) {
            throw damaged(
                    name,
                    "data area begins at sector " + Integer.toUnsignedString(firstBlockSectors)
                            + ", but the table ends at byte " + tableEndBytes() + " and clusters have " + clusterSectors
                            + " sectors");
        }
    }

    public DeltaGeometry geometry() {
        return new DeltaGeometry(diskSectors * DeltaGeometry.SECTOR_BYTES, clusterSizeBytes());
    }

    public int clusterSizeBytes() {
        return clusterSectors * DeltaGeometry.SECTOR_BYTES;
    }

    /** Where the last BAT entry ends. */
    public long tableEndBytes() {
        return BYTES + 4L * entries;
    }

    /**
     * Where the data area begins. Version 1 may leave it open: then it is the first sector behind the table where a cluster
     * can begin, going by those that the entries name (programs disagree about that place).
     */
    public long dataStartBytes() {
        if (!leavesDataStartOpen()) {
            return Integer.toUnsignedLong(firstBlockSectors) * DeltaGeometry.SECTOR_BYTES;
        }
        long behindTable = ceilDiv(tableEndBytes(), DeltaGeometry.SECTOR_BYTES);
        long sectors = phaseSectors == NO_PHASE
                ? behindTable
                : behindTable + Math.floorMod(phaseSectors - behindTable, (long) clusterSectors);
        return sectors * DeltaGeometry.SECTOR_BYTES;
    }

    /** Where the clusters lie. */
    public ClusterGrid grid() {
        return new ClusterGrid(version, clusterSectors, dataStartBytes() / DeltaGeometry.SECTOR_BYTES);
    }

    /** The first cluster that may hold data. */
    public long firstDataCluster() {
        return grid().firstDataCluster();
    }

    /** Whether a writer has it open, or crashed. An unknown mark counts as in use. */
    public boolean inUse() {
        return useMark != MARK_CLOSED && useMark != MARK_CLOSED_V21;
    }

    /** Whether the format extension is to be believed. */
    public boolean extensionTrusted() {
        return extensionSectors != 0 && useMark == MARK_CLOSED_V21;
    }

    /** As it stands while the image is open for writing: nobody may believe the extension any more. */
    ExpandedHeader opened() {
        return with(version, MARK_IN_USE, flags, 0);
    }

    /** The header of the same image with a smaller disk: closed, without an extension, and with a table that is no larger than it must be. */
    ExpandedHeader shrunkTo(DeltaGeometry to) {
        ExpandedHeader empty = fresh(version, to);
        return new ExpandedHeader(
                version,
                type,
                empty.heads,
                empty.cylinders,
                clusterSectors,
                empty.entries,
                empty.diskSectors,
                MARK_CLOSED,
                empty.firstBlockSectors,
                flags,
                0);
    }

    /** As it stands after a clean close. */
    ExpandedHeader closed(boolean empty) {
        return with(version, MARK_CLOSED, empty ? FLAG_EMPTY : 0, 0);
    }

    /** As it stands after a close that left a format extension which is true. */
    ExpandedHeader closedWithExtension(boolean empty, long sectors) {
        return with(version, MARK_CLOSED_V21, empty ? FLAG_EMPTY : 0, sectors);
    }

    /** Entries that the disk needs; a table may have more. */
    public long neededEntries() {
        return ceilDiv(diskSectors, clusterSectors);
    }

    /** The same with a disk that is as large as its table, but not larger than that; a table may end in half a cluster. */
    public ExpandedHeader withDiskOfWholeTable(long mostDiskBytes) {
        long sectors = Math.min(entries * clusterSectors, mostDiskBytes / DeltaGeometry.SECTOR_BYTES);
        return new ExpandedHeader(
                version,
                type,
                heads,
                cylinders,
                clusterSectors,
                entries,
                version == ExpandedVersion.V1 ? Math.min(sectors, MAX_V1_SECTORS) : sectors,
                useMark,
                firstBlockSectors,
                flags,
                extensionSectors,
                phaseSectors);
    }

    /** As a repair leaves it: only flags that are known, and no extension that nobody may believe. */
    public ExpandedHeader repaired(int mark, boolean empty, boolean keepExtension) {
        return with(version, mark, empty ? FLAG_EMPTY : 0, keepExtension ? extensionSectors : 0);
    }

    /** The same image with another signature, mark, flags and place of the format extension. */
    ExpandedHeader with(ExpandedVersion newVersion, int mark, int newFlags, long newExtensionSectors) {
        return new ExpandedHeader(
                newVersion,
                type,
                heads,
                cylinders,
                clusterSectors,
                entries,
                diskSectors,
                mark,
                firstBlockSectors,
                newFlags,
                newExtensionSectors,
                phaseSectors);
    }

    static long ceilDiv(long a, long b) {
        return (a + b - 1) / b;
    }

    private static ImageException damaged(String name, String what) {
        return new ImageException(ImageException.Kind.DAMAGED, name + ": header contradicts itself: " + what);
    }

    private static ImageException unsupported(String name, String what) {
        return new ImageException(ImageException.Kind.UNSUPPORTED, name + ": " + what);
    }
}
