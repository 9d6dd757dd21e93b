package org.tidemark.ploop.format.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

/** Whatever bytes an image has: an {@link ImageException} or an answer, never anything else, and soon. */
public class Qcow2FuzzTest {
    private static final int INPUTS = 2000;
    private static final List<String> IMAGES = List.of(
            "v2-snapshots",
            "v3-tiny-clusters",
            "v3-zstd",
            "v3-zlib",
            "v3-counts-of-1-bit",
            "v3-counts-of-64-bits",
            "v3-subclusters-on-v3-zlib",
            "v3-bitmaps",
            "v3-lazy-not-closed");
    private static final long[] INTERESTING = {
        0,
        1,
        2,
        3,
        8,
        9,
        21,
        63,
        64,
        511,
        512,
        4096,
        65_535,
        65_536,
        1L << 20,
        0x7FFFFFFFL,
        0x80000000L,
        0xFFFFFFFFL,
        1L << 62,
        1L << 63,
        (1L << 63) | 4096,
        (1L << 62) | 4096,
        0x00FFFFFFFFFFFE00L,
        -1
    };

    /** Where the tables of an image lie: header, L1, refcount table, snapshot table, bitmap directory, first L2 table. */
    private static long[] places(byte[] image) {
        ByteBuffer bytes = ByteBuffer.wrap(image);
        int l1 = (int) bytes.getLong(40);
        long l2 = bytes.getLong(l1) & L2Entry.OFFSET;
        long block = bytes.getLong((int) bytes.getLong(48));
        long snapshots = bytes.getLong(64);
        return new long[] {0, 0, l1, l2, l2, l2, bytes.getLong(48), block, snapshots, image.length / 2};
    }

    private static byte[] mutated(Random random, byte[] good) {
        byte[] bytes = good.clone();
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        long[] places = places(good);
        for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
            long place = places[random.nextInt(places.length)];
            int at = (int) Math.min(place + random.nextInt(random.nextBoolean() ? 112 : 600), bytes.length - 8);
            long value = random.nextInt(3) > 0 ? INTERESTING[random.nextInt(INTERESTING.length)] : random.nextLong();
            switch (random.nextInt(5)) {
                case 0 -> buffer.putInt(at & -4, (int) value);
                case 1 -> buffer.putLong(at & -8, value);
                case 2 -> buffer.putShort(at, (short) value);
                case 3 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                default -> {
                    // Compressed data, mostly.
                    int anywhere = random.nextInt(bytes.length);
                    bytes[anywhere] ^= (byte) (1 << random.nextInt(8));
                }
            }
        }
        return random.nextInt(10) == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length + 1)) : bytes;
    }

    private static void exercise(Random random, SimulatedDisk disk) throws IOException {
        OpenIntent intent = OpenIntent.values()[random.nextInt(OpenIntent.values().length)];
        AllocationCursor cursor = AllocationCursor.transientCursor();
        cursor.set(random.nextInt(600) - 1);
        try (ImageIo io = disk.open("image", OpenMode.READ_WRITE)) {
            switch (random.nextInt(3)) {
                case 0 -> ChainCheck.run(io);
                case 1 -> {
                    Qcow2Header header = Qcow2Header.read(io);
                    Bitmap.list(io, header);
                    for (Snapshot one : Snapshot.list(io, header)) {
                        read(random, Qcow2Format.openSnapshot(io, null, one.id()));
                    }
                }
                default -> {
                    Delta delta = new Qcow2Format().open(io, intent, 0, cursor);
                    read(random, delta);
                    if (delta.writable()) {
                        write(random, delta);
                    }
                }
            }
        }
    }

    private static void read(Random random, Delta delta) throws IOException {
        AlignedBuffer page = AlignedBuffer.allocate(Delta.PAGE_BYTES);
        AlignedBuffer data = AlignedBuffer.allocate(512);
        delta.readMapPage(0, page, 0);
        for (int i = 0; i < 20; i++) {
            int physical = page.getInt((Delta.PAGE_SHIFT_CLUSTERS + random.nextInt(128)) * 4);
            if (physical != Delta.NOT_ALLOCATED) {
                delta.read(physical, 0, data, 0, 512);
                delta.dataExtents(physical, 0, 512, (at, length) -> {});
            }
        }
    }

    private static void write(Random random, Delta delta) throws IOException {
        delta.markInUse();
        AlignedBuffer page = AlignedBuffer.allocate(Delta.PAGE_BYTES);
        delta.readMapPage(0, page, 0);
        for (int i = 0; i < 3; i++) {
            int slot = Delta.PAGE_SHIFT_CLUSTERS + random.nextInt(64);
            if (page.getInt(slot * 4) == Delta.NOT_ALLOCATED || !delta.inPlace(page.getInt(slot * 4))) {
                page.putInt(slot * 4, delta.reserve());
            }
        }
        delta.flush();
        delta.writeMapPage(0, page, 0);
        delta.markClosed();
    }

    @Test
    @Timeout(600)
    void onlyTheTypedExceptionWhateverTheBytesAre() throws Exception {
        int[] refused = {0};
        long[] seeds = Seeds.of(INPUTS).toArray();
        for (long seed : seeds) {
            Seeds.replayable(getClass(), seed, random -> refused[0] += isRefused(random) ? 1 : 0);
        }
        System.out.println(refused[0] + " inputs were refused");
        if (seeds.length >= 100) {
            assertThat(refused[0]).isBetween(seeds.length / 20, seeds.length / 20 * 19);
        }
    }

    /** One damaged image: checked, read, written to. */
    public static void input(Random random) throws Exception {
        isRefused(random);
    }

    private static boolean isRefused(Random random) throws Exception {
        SimulatedDisk disk = new SimulatedDisk();
        byte[] bytes = mutated(random, Golden.unpacked(IMAGES.get(random.nextInt(IMAGES.size())) + ".qcow2"));
        try (ImageIo io = disk.create("image")) {
            io.write(0, TestBytes.buffer(bytes), 0, bytes.length);
        }
        try {
            exercise(random, disk);
            return false;
        } catch (ImageException e) {
            assertThat(e.getMessage()).startsWith("image");
            return true;
        }
    }
}
