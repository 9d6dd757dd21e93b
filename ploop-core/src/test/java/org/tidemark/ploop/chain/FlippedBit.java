package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;

/**
 * One bit of a file, or all that it may be one of.
 *
 * @param what it belongs to
 * @param from the first byte of it in the file
 * @param bytes how many there are
 * @param bit which one, counted from {@code from}
 */
record FlippedBit(What what, String file, long from, int bytes, int bit) {
    private static final int ENTRIES_AT = 64;

    /** What a bit belongs to. */
    enum What {
        HEADER,
        QCOW2_HEADER,
        TABLE,
        LOWER_TABLE,
        L1,
        L2,
        COUNTS,
        DESCRIPTOR,
        INTENT,
        TRACKER
    }

    private static FlippedBit of(What what, String file, long from, int bytes) {
        return new FlippedBit(what, file, from, bytes, 0);
    }

    /** Everything that is stored, each kind as likely as another. */
    static List<FlippedBit> targets(SimulatedDisk disk, boolean qcow2, List<String> levels) throws IOException {
        List<FlippedBit> all = new ArrayList<>();
        for (String file : disk.list()) {
            if (file.equals(DiskDescriptor.FILE_NAME)) {
                all.add(of(What.DESCRIPTOR, file, 0, sizeOf(disk, file)));
            } else if (file.endsWith("tidemark-intent")) {
                all.add(of(What.INTENT, file, 0, sizeOf(disk, file)));
            } else if (file.endsWith("tidemark-cbt")) {
                all.add(of(What.TRACKER, file, 0, sizeOf(disk, file)));
            }
        }
        String top = qcow2 ? "root.hdd" : topOf(disk);
        for (String file : levels) {
            if (qcow2) {
                addQcow2(disk, file, all);
            } else {
                all.add(of(What.HEADER, file, 0, ENTRIES_AT));
                all.add(of(
                        file.equals(top) ? What.TABLE : What.LOWER_TABLE, file, ENTRIES_AT, BitFlipRun.CLUSTERS * 4));
            }
        }
        return all;
    }

    private static String topOf(SimulatedDisk disk) throws IOException {
        DiskDescriptor descriptor = DiskDescriptor.read(disk);
        return descriptor.imageOf(descriptor.requireShot(descriptor.topGuid())).file();
    }

    private static void addQcow2(SimulatedDisk disk, String file, List<FlippedBit> all) throws IOException {
        try (ImageIo io = disk.open(file, OpenMode.READ_ONLY)) {
            Qcow2Header header = Qcow2Header.read(io);
            AlignedBuffer word = AlignedBuffer.allocate(8);
            io.read(header.l1Offset(), word, 0, 8);
            long l2 = Long.reverseBytes(word.getLong(0)) & 0x00FFFFFFFFFFFE00L;
            io.read(header.refcountTableOffset(), word, 0, 8);
            long block = Long.reverseBytes(word.getLong(0));
            all.add(of(What.QCOW2_HEADER, file, 0, 112));
            all.add(of(What.L1, file, header.l1Offset(), 8));
            if (l2 != 0) {
                all.add(of(What.L2, file, l2, BitFlipRun.CLUSTERS * 8));
            }
            all.add(of(What.COUNTS, file, header.refcountTableOffset(), 8));
            all.add(of(What.COUNTS, file, block, 2 * (int) (io.size() / BitFlipRun.CLUSTER)));
        }
    }

    private static int sizeOf(SimulatedDisk disk, String file) throws IOException {
        try (ImageIo io = disk.open(file, OpenMode.READ_ONLY)) {
            return (int) io.size();
        }
    }

    FlippedBit anyBit(Random random) {
        return new FlippedBit(what, file, from, bytes, random.nextInt(bytes * 8));
    }

    void flip(SimulatedDisk disk) throws IOException {
        AlignedBuffer one = AlignedBuffer.allocate(1);
        try (ImageIo io = disk.open(file, OpenMode.READ_WRITE)) {
            io.read(from + bit / 8, one, 0, 1);
            one.bytes().put(0, (byte) (one.bytes().get(0) ^ 1 << bit % 8));
            io.write(from + bit / 8, one, 0, 1);
            io.flush();
        }
    }

    /** Whether it says where that cluster of the disk lies, and nothing says whether that is right. */
    boolean governs(int cluster) {
        return switch (what) {
            case TABLE, LOWER_TABLE -> bit / 32 == cluster;
            case L2 -> bit / 64 == cluster;
            case L1 -> true;
            default -> false;
        };
    }

    /** Whether it is of the field of a qcow2 header that says how large the disk is. */
    boolean isDiskSize() {
        return what == What.QCOW2_HEADER && isField(24, 32);
    }

    /** Whether it is of the field of a qcow2 header that says where the L1 table lies. */
    boolean isL1Place() {
        return what == What.QCOW2_HEADER && isField(40, 48);
    }

    /** Whether it is the bit of a qcow2 header that says that L2 entries have two words. */
    boolean isSubclusters() {
        return what == What.QCOW2_HEADER && bit == 79 * 8 + 4;
    }

    private boolean isField(int from, int end) {
        return bit / 8 >= from && bit / 8 < end;
    }

    /** Whether the tracker has no checksum of it. */
    boolean hidesFromIncrements() {
        return what != What.TABLE;
    }
}
