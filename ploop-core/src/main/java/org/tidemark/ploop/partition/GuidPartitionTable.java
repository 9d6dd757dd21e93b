package org.tidemark.ploop.partition;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.zip.CRC32;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;

/**
 * A GPT for sectors of 512 bytes. All numbers little-endian.
 *
 * <pre>
 *   LBA 0      protective MBR              header: 0 "EFI PART" 8 u32 revision 12 u32 size 16 u32 CRC32 24 u64 my LBA
 *   LBA 1      header                              32 u64 other LBA 40 u64 first usable 48 u64 last usable 56 disk GUID
 *   LBA 2-33   128 entries of 128 bytes            72 u64 entries LBA 80 u32 count 84 u32 entry size 88 u32 entries CRC32
 *   last-32 .. last-1  entries again       entry: 0 type 16 id 32 u64 first LBA 40 u64 last LBA 48 u64 flags 56 UTF-16 name
 *   last       header again
 * </pre>
 */
public final class GuidPartitionTable {
    private static final int SECTOR = 512;
    private static final long SIGNATURE = 0x5452415020494645L;
    private static final int REVISION = 0x00010000;
    private static final int HEADER_BYTES = 92;
    private static final int ENTRIES = 128;
    private static final int ENTRY_BYTES = 128;
    private static final int ENTRIES_BYTES = ENTRIES * ENTRY_BYTES;
    private static final int ENTRIES_SECTORS = ENTRIES_BYTES / SECTOR;
    /** Bytes at either end that the table takes, rounded up to 4 KiB. */
    private static final int EDGE_BYTES = 20 * 1024;

    private final UUID diskId;
    private final List<Partition> partitions;

    public GuidPartitionTable(UUID diskId, List<Partition> partitions) {
        this.diskId = diskId;
        this.partitions = List.copyOf(partitions);
    }

    /**
     * The table that {@code ploop init} makes: one Linux partition from one cluster into the disk to the last whole cluster
     * before its end, minus what the backup table takes.
     */
    public static GuidPartitionTable forContainer(
            long diskSizeBytes, int clusterSizeBytes, UUID diskId, UUID partitionId) {
        long start = clusterSizeBytes;
        long end = (diskSizeBytes - clusterSizeBytes) / clusterSizeBytes * clusterSizeBytes / 4096 * 4096;
        if (end <= start || diskSizeBytes - end < EDGE_BYTES || start < EDGE_BYTES) {
            throw new IllegalArgumentException(
                    "a disk of " + diskSizeBytes + " bytes has no room for a partition table");
        }
        return new GuidPartitionTable(
                diskId, List.of(new Partition(1, Partition.LINUX_DATA, partitionId, start, end - start, "")));
    }

    /**
     * The table of the same disk after it became larger: the last partition goes on to the new end, as far as {@link
     * #forContainer} lets it. The same table when that is no more than it has.
     */
    public GuidPartitionTable grownTo(long diskSizeBytes, int clusterSizeBytes) {
        if (partitions.isEmpty()) {
            return this;
        }
        Partition last = partitions.get(0);
        for (Partition one : partitions) {
            last = one.offsetBytes() > last.offsetBytes() ? one : last;
        }
        long end = lastEnd(diskSizeBytes, clusterSizeBytes);
        return end <= last.offsetBytes() + last.lengthBytes() ? this : withEnd(last, end);
    }

    private static long lastEnd(long diskSizeBytes, int clusterSizeBytes) {
        long end = Math.min(
                (diskSizeBytes - clusterSizeBytes) / clusterSizeBytes * clusterSizeBytes, diskSizeBytes - EDGE_BYTES);
        return end / 4096 * 4096;
    }

    private GuidPartitionTable withEnd(Partition partition, long end) {
        List<Partition> changed = new ArrayList<>(partitions);
        changed.set(changed.indexOf(partition), partition.endingAt(end));
        return new GuidPartitionTable(diskId, changed);
    }

    /**
     * The table for a smaller disk, with one partition that ends where {@link #forContainer} lets it; what is in the
     * partition must be smaller already. The same when the partition ends before.
     *
     * @throws ImageException UNSUPPORTED when there is not exactly one partition, INVALID_REQUEST when it has no room
     */
    public GuidPartitionTable shrunkTo(long diskSizeBytes, int clusterSizeBytes, String disk) throws ImageException {
        if (partitions.size() != 1) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    disk + ": has " + partitions.size() + " partitions; only a disk with one is made smaller");
        }
        Partition only = partitions.get(0);
        long end = lastEnd(diskSizeBytes, clusterSizeBytes);
        if (end <= only.offsetBytes()) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    disk + ": a disk of " + diskSizeBytes + " bytes has no room for its partition");
        }
        return end >= only.offsetBytes() + only.lengthBytes() ? this : withEnd(only, end);
    }

    /** The smallest disk on which the partition that begins there can have so many bytes. */
    public static long diskFor(long offsetBytes, long lengthBytes, int clusterSizeBytes) {
        long end = offsetBytes + lengthBytes;
        long size = (end + clusterSizeBytes - 1) / clusterSizeBytes * clusterSizeBytes;
        while (lastEnd(size, clusterSizeBytes) < end) {
            size += clusterSizeBytes;
        }
        return size;
    }

    public UUID diskId() {
        return diskId;
    }

    public List<Partition> partitions() {
        return partitions;
    }

    /**
     * Reads the table of a disk: the one at its start, or the one at its end when that is damaged; empty when there is none.
     *
     * @throws ImageException of kind DAMAGED for a table whose partitions make no sense
     */
    public static Optional<GuidPartitionTable> read(BlockDevice disk) throws IOException {
        if (disk.sizeBytes() < 2L * EDGE_BYTES) {
            return Optional.empty();
        }
        AlignedBuffer sector = AlignedBuffer.allocate(4096);
        AlignedBuffer entries = AlignedBuffer.allocate(ENTRIES_BYTES);
        long lastLba = disk.sizeBytes() / SECTOR - 1;
        for (long lba : new long[] {1, lastLba}) {
            disk.read(lba * SECTOR, sector, 0, SECTOR);
            ByteBuffer header = sector.bytes().duplicate().order(ByteOrder.LITTLE_ENDIAN);
            if (headerIsWhole(header, lba, lastLba)) {
                disk.read(header.getLong(72) * SECTOR, entries, 0, ENTRIES_BYTES);
                ByteBuffer table = entries.bytes().duplicate().order(ByteOrder.LITTLE_ENDIAN);
                if (crc(table, 0, ENTRIES_BYTES) == header.getInt(88)) {
                    return Optional.of(new GuidPartitionTable(getGuid(header, 56), parse(table, lastLba, disk.name())));
                }
            }
        }
        return Optional.empty();
    }

    private static boolean headerIsWhole(ByteBuffer header, long lba, long lastLba) {
        if (header.getLong(0) != SIGNATURE || header.getInt(12) != HEADER_BYTES) {
            return false;
        }
        int stored = header.getInt(16);
        ByteBuffer copy = ByteBuffer.allocate(HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        copy.put(0, header, 0, HEADER_BYTES).putInt(16, 0);
        long entriesLba = header.getLong(72);
        return crc(copy, 0, HEADER_BYTES) == stored
                && header.getLong(24) == lba
                && header.getInt(80) == ENTRIES
                && header.getInt(84) == ENTRY_BYTES
                && entriesLba >= 2
                && entriesLba <= lastLba - ENTRIES_SECTORS;
    }

    private static List<Partition> parse(ByteBuffer table, long lastLba, String disk) throws ImageException {
        List<Partition> found = new ArrayList<>();
        for (int i = 0; i < ENTRIES; i++) {
            int at = i * ENTRY_BYTES;
            UUID type = getGuid(table, at);
            if (type.getMostSignificantBits() == 0 && type.getLeastSignificantBits() == 0) {
                continue;
            }
            long first = table.getLong(at + 32);
            long last = table.getLong(at + 40);
            if (first < 2 || last < first || last > lastLba) {
                throw new ImageException(
                        ImageException.Kind.DAMAGED,
                        disk + ": partition " + (i + 1) + " lies at sectors " + first + " to " + last
                                + ", outside the disk of " + (lastLba + 1) + " sectors");
            }
            byte[] name = new byte[72];
            table.get(at + 56, name);
            String text = new String(name, StandardCharsets.UTF_16LE);
            int nul = text.indexOf(0);
            found.add(new Partition(
                    i + 1,
                    type,
                    getGuid(table, at + 16),
                    first * SECTOR,
                    (last - first + 1) * SECTOR,
                    table.getLong(at + 48),
                    nul < 0 ? text : text.substring(0, nul)));
        }
        return found;
    }

    /**
     * Writes both tables, the backup first: a crash leaves the old table or the new one readable at one end. Not durable
     * before a flush of the disk.
     */
    public void write(BlockDevice disk) throws IOException {
        write(disk, disk.sizeBytes());
    }

    /** The same as if the disk ended at {@code sizeBytes}, where it will. */
    public void write(BlockDevice disk, long sizeBytes) throws IOException {
        long lastLba = sizeBytes / SECTOR - 1;
        AlignedBuffer entries = AlignedBuffer.allocate(ENTRIES_BYTES);
        ByteBuffer table = entries.bytes().duplicate().order(ByteOrder.LITTLE_ENDIAN);
        for (Partition partition : partitions) {
            putEntry(table, (partition.number() - 1) * ENTRY_BYTES, partition);
        }
        int entriesCrc = crc(table, 0, ENTRIES_BYTES);
        long backupEntries = lastLba - ENTRIES_SECTORS;
        disk.write(backupEntries * SECTOR, entries, 0, ENTRIES_BYTES);
        writeHeader(disk, lastLba, 1, backupEntries, lastLba, entriesCrc);
        disk.flush();
        disk.write(2 * SECTOR, entries, 0, ENTRIES_BYTES);
        writeHeader(disk, 1, lastLba, 2, lastLba, entriesCrc);
        writeProtectiveMbr(disk, lastLba);
    }

    private void writeHeader(BlockDevice disk, long lba, long other, long entriesLba, long lastLba, int entriesCrc)
            throws IOException {
        AlignedBuffer sector = AlignedBuffer.allocate(4096);
        ByteBuffer header = sector.bytes().duplicate().order(ByteOrder.LITTLE_ENDIAN);
        header.putLong(0, SIGNATURE).putInt(8, REVISION).putInt(12, HEADER_BYTES);
        header.putLong(24, lba).putLong(32, other);
        header.putLong(40, 2L + ENTRIES_SECTORS).putLong(48, lastLba - ENTRIES_SECTORS - 1);
        putGuid(header, 56, diskId);
        header.putLong(72, entriesLba)
                .putInt(80, ENTRIES)
                .putInt(84, ENTRY_BYTES)
                .putInt(88, entriesCrc);
        header.putInt(16, crc(header, 0, HEADER_BYTES));
        disk.write(lba * SECTOR, sector, 0, SECTOR);
    }

    private static void writeProtectiveMbr(BlockDevice disk, long lastLba) throws IOException {
        AlignedBuffer sector = AlignedBuffer.allocate(4096);
        ByteBuffer mbr = sector.bytes().duplicate().order(ByteOrder.LITTLE_ENDIAN);
        mbr.putInt(446, 0x00020000).putInt(450, 0xFFFFFFEE);
        mbr.putInt(454, 1).putInt(458, (int) Math.min(lastLba, 0xFFFFFFFFL));
        mbr.putShort(510, (short) 0xAA55);
        disk.write(0, sector, 0, SECTOR);
    }

    private static void putEntry(ByteBuffer table, int at, Partition partition) {
        putGuid(table, at, partition.type());
        putGuid(table, at + 16, partition.id());
        table.putLong(at + 32, partition.offsetBytes() / SECTOR);
        table.putLong(at + 40, (partition.offsetBytes() + partition.lengthBytes()) / SECTOR - 1);
        table.putLong(at + 48, partition.attributes());
        byte[] name = partition.name().getBytes(StandardCharsets.UTF_16LE);
        table.put(at + 56, name, 0, Math.min(name.length, 72));
    }

    /** A GUID on disk: the first three fields little-endian, the rest as it is read. */
    private static void putGuid(ByteBuffer out, int at, UUID id) {
        long high = id.getMostSignificantBits();
        out.putInt(at, (int) (high >>> 32))
                .putShort(at + 4, (short) (high >>> 16))
                .putShort(at + 6, (short) high);
        out.putLong(at + 8, Long.reverseBytes(id.getLeastSignificantBits()));
    }

    private static UUID getGuid(ByteBuffer in, int at) {
        long high = ((long) in.getInt(at) << 32)
                | ((in.getShort(at + 4) & 0xFFFFL) << 16)
                | (in.getShort(at + 6) & 0xFFFFL);
        return new UUID(high, Long.reverseBytes(in.getLong(at + 8)));
    }

    private static int crc(ByteBuffer bytes, int from, int length) {
        CRC32 crc = new CRC32();
        crc.update(bytes.duplicate().limit(from + length).position(from));
        return (int) crc.getValue();
    }
}
