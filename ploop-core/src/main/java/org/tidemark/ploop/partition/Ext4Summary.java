package org.tidemark.ploop.partition;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * What an ext4 file system says of its size, and the balloon file in it, read from the disk without mounting it. While it is
 * mounted the figures are as old as its last write of them.
 *
 * <pre>
 *   superblock at 1024: 4 u32 blocks 12 u32 free 20 u32 first block 24 u32 log(block/1024) 40 u32 inodes a group 56 u16 magic
 *                       88 u16 inode size 96 u32 features 254 u16 descriptor size 336 u32 blocks, high 344 u32 free, high
 *   descriptor: 8 u32 inode table, 40 u32 the same, high      inode: 4 u32 size 32 u32 flags 40 extents 108 u32 size, high
 * </pre>
 *
 * @param sizeBytes of the file system, with what it needs for itself
 * @param freeBytes what no file has
 * @param balloonBytes size of the balloon file, space that is kept from the container; null when there is no such file
 */
public record Ext4Summary(
        long sizeBytes, long freeBytes, @Nullable Long balloonBytes) {
    /** The hidden file in the root folder that {@code ploop init} makes and {@code ploop balloon} fills. */
    public static final String BALLOON_FILE = ".balloon-c3a5ae3d-ce7f-43c4-a1ea-c61e2b4504e8";

    private static final int PIECE = 4096;
    private static final int MAGIC = 0xEF53;
    private static final int FEATURE_64BIT = 0x80;
    private static final int FLAG_EXTENTS = 0x80000;
    private static final int EXTENT_MAGIC = 0xF30A;
    private static final int ROOT_INODE = 2;
    /** A root folder with more blocks than that is not searched. */
    private static final int MAX_FOLDER_BLOCKS = 256;

    /** Reads it; empty when there is no ext4 at {@code offsetBytes} of the disk. */
    public static Optional<Ext4Summary> read(BlockDevice disk, long offsetBytes) throws IOException {
        Reader reader = new Reader(disk, offsetBytes);
        ByteBuffer head = reader.bytes(1024, 1024);
        if (head == null || (head.getShort(56) & 0xFFFF) != MAGIC) {
            return Optional.empty();
        }
        int log = head.getInt(24);
        if (log < 0 || log > 6 || head.getInt(40) <= 0 || (head.getShort(88) & 0xFFFF) < 128) {
            return Optional.empty();
        }
        boolean wide = (head.getInt(96) & FEATURE_64BIT) != 0;
        int block = 1024 << log;
        long size = wide(head.getInt(4), wide ? head.getInt(336) : 0) * block;
        long free = wide(head.getInt(12), wide ? head.getInt(344) : 0) * block;
        return Optional.of(new Ext4Summary(size, free, new Finder(reader, head, block, wide).balloonBytes()));
    }

    private static long wide(int low, int high) {
        return Integer.toUnsignedLong(low) | Integer.toUnsignedLong(high) << 32;
    }

    /** Reads small parts of the file system. */
    private record Reader(BlockDevice disk, long offset) {
        /** Null for what lies outside the disk. */
        @Nullable
        ByteBuffer bytes(long at, int length) throws IOException {
            long from = offset + at;
            long first = from / PIECE * PIECE;
            long end = Math.min((from + length + PIECE - 1) / PIECE * PIECE, disk.sizeBytes());
            if (at < 0 || from < 0 || from + length > end || length > (64 << 10)) {
                return null;
            }
            AlignedBuffer buffer = AlignedBuffer.allocate((int) (end - first));
            disk.read(first, buffer, 0, (int) (end - first));
            return buffer.bytes().slice((int) (from - first), length).order(ByteOrder.LITTLE_ENDIAN);
        }
    }

    /** Finds the balloon file among the entries of the root folder. Whatever makes no sense there ends the search. */
    private static final class Finder {
        private final Reader reader;
        private final ByteBuffer head;
        private final int block;
        private final boolean wide;

        Finder(Reader reader, ByteBuffer head, int block, boolean wide) {
            this.reader = reader;
            this.head = head;
            this.block = block;
            this.wide = wide;
        }

        @Nullable
        Long balloonBytes() throws IOException {
            ByteBuffer root = inode(ROOT_INODE);
            if (root == null
                    || (root.getInt(32) & FLAG_EXTENTS) == 0
                    || (root.getShort(40) & 0xFFFF) != EXTENT_MAGIC
                    || root.getShort(46) != 0) {
                return null;
            }
            int extents = Math.min(4, root.getShort(42) & 0xFFFF);
            for (int i = 0; i < extents; i++) {
                int at = 52 + 12 * i;
                long start = wide(root.getInt(at + 8), root.getShort(at + 6) & 0xFFFF);
                int length = Math.min(MAX_FOLDER_BLOCKS, root.getShort(at + 4) & 0x7FFF);
                for (int n = 0; n < length; n++) {
                    long found = inBlock(reader.bytes((start + n) * block, block));
                    if (found > 0) {
                        ByteBuffer file = inode(found);
                        return file == null ? null : wide(file.getInt(4), file.getInt(108));
                    }
                }
            }
            return null;
        }

        /** The balloon's inode, or 0. */
        private static long inBlock(@Nullable ByteBuffer entries) {
            byte[] wanted = BALLOON_FILE.getBytes(StandardCharsets.US_ASCII);
            int at = 0;
            while (entries != null && at + 8 <= entries.capacity()) {
                int length = entries.getShort(at + 4) & 0xFFFF;
                int nameLength = entries.get(at + 6) & 0xFF;
                if (length < 8 || at + length > entries.capacity()) {
                    return 0;
                }
                if (nameLength == wanted.length
                        && nameLength <= length - 8
                        && entries.slice(at + 8, nameLength).equals(ByteBuffer.wrap(wanted))) {
                    return Integer.toUnsignedLong(entries.getInt(at));
                }
                at += length;
            }
            return 0;
        }

        private @Nullable ByteBuffer inode(long number) throws IOException {
            long perGroup = Integer.toUnsignedLong(head.getInt(40));
            int inodeBytes = head.getShort(88) & 0xFFFF;
            int descriptorBytes = wide ? Math.max(64, head.getShort(254) & 0xFFFF) : 32;
            long group = (number - 1) / perGroup;
            long table = (Integer.toUnsignedLong(head.getInt(20)) + 1) * block + group * descriptorBytes;
            ByteBuffer descriptor = reader.bytes(table, descriptorBytes);
            if (number < 1 || descriptor == null) {
                return null;
            }
            long inodes = wide(descriptor.getInt(8), wide ? descriptor.getInt(40) : 0);
            return reader.bytes(inodes * block + (number - 1) % perGroup * inodeBytes, 128);
        }
    }
}
