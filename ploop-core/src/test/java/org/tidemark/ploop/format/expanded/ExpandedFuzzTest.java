package org.tidemark.ploop.format.expanded;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

/** Whatever bytes an image has: an {@link ImageException} or a right answer, never anything else. */
public class ExpandedFuzzTest {
    private static final int INPUTS = 700;
    private static final int CLUSTER = 32768;
    private static final int[] INTERESTING = {
        0,
        1,
        2,
        3,
        63,
        64,
        127,
        255,
        512,
        4096,
        65535,
        65536,
        131_072,
        131_073,
        0x7FFFFFFF,
        0x80000000,
        0xFFFFFFFE,
        0xFFFFFFFF,
        ExpandedHeader.MARK_IN_USE,
        ExpandedHeader.MARK_CLOSED_V21
    };

    private static byte[] mutated(Random random, byte[] good) {
        byte[] bytes = good.clone();
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int changes = 1 + random.nextInt(4);
        for (int i = 0; i < changes; i++) {
            int value = random.nextBoolean() ? INTERESTING[random.nextInt(INTERESTING.length)] : random.nextInt();
            switch (random.nextInt(4)) {
                case 0 -> buffer.putInt(16 + 4 * random.nextInt(12), value);
                case 1 -> buffer.putInt(64 + 4 * random.nextInt(200), random.nextInt(8));
                case 2 -> buffer.putInt(64 + 4 * random.nextInt(8000), value);
                default -> bytes[random.nextInt(64)] ^= (byte) (1 << random.nextInt(8));
            }
        }
        return random.nextInt(8) == 0 ? java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length + 1)) : bytes;
    }

    private static byte[] goodImage() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        try (ImageIo io = disk.create("image")) {
            new ExpandedFormat().create(io, new DeltaGeometry(200L * CLUSTER, CLUSTER));
            Delta delta = new ExpandedFormat().open(io, OpenIntent.WRITE, 0, AllocationCursor.transientCursor());
            delta.markInUse();
            AlignedBuffer page = AlignedBuffer.allocate(Delta.PAGE_BYTES);
            delta.readMapPage(0, page, 0);
            for (int i = 0; i < 3; i++) {
                page.putInt((Delta.PAGE_SHIFT_CLUSTERS + 7 * i) * 4, delta.reserve());
            }
            delta.writeMapPage(0, page, 0);
            delta.markClosed();
            return TestBytes.read(io, 0, (int) io.size());
        }
    }

    private static void exercise(Random random, SimulatedDisk disk) throws IOException {
        OpenIntent intent = OpenIntent.values()[random.nextInt(OpenIntent.values().length)];
        AllocationCursor cursor = AllocationCursor.transientCursor();
        cursor.set(random.nextInt(6) - 1);
        try (ImageIo io = disk.open("image", OpenMode.READ_WRITE)) {
            Delta delta = new ExpandedFormat().open(io, intent, 0, cursor);
            AlignedBuffer page = AlignedBuffer.allocate(Delta.PAGE_BYTES);
            AlignedBuffer data = AlignedBuffer.allocate(512);
            delta.readMapPage(0, page, 0);
            for (int slot = 0; slot < Delta.PAGE_CLUSTERS; slot++) {
                int physical = page.getInt(slot * 4);
                if (physical != Delta.NOT_ALLOCATED) {
                    delta.read(physical, 0, data, 0, 512);
                }
            }
            if (delta.writable()) {
                delta.markInUse();
                delta.reserve();
                delta.markClosed();
            }
        }
    }

    /** One of each version, and one with a format extension: a bitmap, and a feature to carry along. */
    private static List<byte[]> goodImages() throws IOException {
        List<byte[]> good = new ArrayList<>();
        good.add(goodImage());
        SimulatedDisk disk = new SimulatedDisk();
        for (ExpandedVersion version : ExpandedVersion.values()) {
            String name = "v" + version.number();
            try (ImageIo io = disk.create(name)) {
                new ExpandedFormat()
                        .create(io, new DeltaGeometry(200L * CLUSTER, CLUSTER), new ExpandedLayout(version, false));
                TestBytes.write(io, CLUSTER, TestBytes.filled(2 * CLUSTER, 7));
                AlignedBuffer entries = AlignedBuffer.allocate(8);
                entries.putInt(0, ExpandedFormat.readHeader(io).grid().entryOf(1));
                entries.putInt(4, ExpandedFormat.readHeader(io).grid().entryOf(2));
                io.write(64 + 4 * 30, entries, 0, 8);
                java.util.BitSet dirty = new java.util.BitSet();
                dirty.set(7, 90);
                StoredBitmaps.write(io, List.of(new StoredBitmap(new UUID(1, 2), 200L * CLUSTER / 512, 64, dirty)));
                good.add(TestBytes.read(io, 0, (int) io.size()));
            }
        }
        return good;
    }

    /** Changes words of the extension and makes its checksum right again, so that the change is looked at. */
    private static void mutateExtension(Random random, byte[] bytes) throws Exception {
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int at = (int) buffer.getLong(56) * 512;
        if (at <= 0 || at + CLUSTER > bytes.length) {
            return;
        }
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            int value = random.nextBoolean() ? INTERESTING[random.nextInt(INTERESTING.length)] : random.nextInt();
            buffer.putInt(at + 24 + 4 * random.nextInt(24), value);
        }
        byte[] digest = java.security.MessageDigest.getInstance("MD5")
                .digest(java.util.Arrays.copyOfRange(bytes, at + 24, at + CLUSTER));
        System.arraycopy(digest, 0, bytes, at + 8, 16);
    }

    @Test
    @Timeout(1800)
    void mutatedImagesAreRefusedOrRight() throws Exception {
        long[] refused = {0, 0};
        for (long seed : Seeds.of(INPUTS).toArray()) {
            refused[1]++;
            Seeds.replayable(getClass(), seed, random -> refused[0] += isRefused(random) ? 1 : 0);
        }
        assertThat(refused[0]).isBetween(refused[1] / 10, refused[1] * 99 / 100);
    }

    /** One damaged image: checked, read, written to, mended. */
    public static void input(Random random) throws Exception {
        isRefused(random);
    }

    private static boolean isRefused(Random random) throws Exception {
        SimulatedDisk disk = new SimulatedDisk();
        List<byte[]> good = Good.IMAGES;
        byte[] bytes = mutated(random, good.get(random.nextInt(good.size())));
        if (bytes.length > 3 * CLUSTER && random.nextBoolean()) {
            mutateExtension(random, bytes);
        }
        try (ImageIo io = disk.create("image")) {
            TestBytes.write(io, 0, bytes);
        }
        try (ImageIo io = disk.open("image", OpenMode.READ_ONLY)) {
            ChainCheck.run(io);
            StoredBitmaps.read(io);
        } catch (ImageException e) {
            assertThat(e.getMessage()).contains("image");
        }
        try {
            exercise(random, disk);
            if (random.nextInt(4) == 0) {
                org.tidemark.ploop.check.ExpandedRepair.run(disk, "image", "image.undo");
                try (ImageIo io = disk.open("image", OpenMode.READ_ONLY)) {
                    assertThat(ChainCheck.run(io).damaged()).isFalse();
                }
            }
            return false;
        } catch (ImageException e) {
            assertThat(e.getMessage()).contains("image");
            return true;
        }
    }

    /** Made once; every input has a copy. */
    private static final class Good {
        static final List<byte[]> IMAGES = make();

        private static List<byte[]> make() {
            try {
                return goodImages();
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }

    @Test
    @Timeout(60)
    void aHugeFileTakesNoMemoryByItsHeader() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        byte[] good = goodImage();
        ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).putInt(32, (int) ExpandedHeader.MAX_ENTRIES);
        try (ImageIo io = disk.create("image")) {
            TestBytes.write(io, 0, good);
            io.truncate(1L << 50);
        }
        try (ImageIo io = disk.open("image", OpenMode.READ_ONLY)) {
            org.assertj.core.api.Assertions.assertThatThrownBy(() -> ChainCheck.run(io))
                    .isInstanceOf(ImageException.class);
        }
    }
}
