package org.tidemark.ploop.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

/** Whatever stands in an undo file: the image is put back, or left as it is with one sentence. */
public class UndoFileFuzzTest {
    private static final int CLUSTER = 32768;
    private static final String IMAGE = "d0";
    private static final String UNDO = "d0.undo-1";
    /** Behind a name of two bytes. */
    private static final int FIRST_RECORD = 40;

    private static final long[] INTERESTING = {
        0,
        1,
        4,
        64,
        512,
        1 << 20,
        (1 << 20) + 1,
        0x7FFFFFFF,
        0x80000000L,
        0xFFFFFFFFL,
        1L << 40,
        Long.MAX_VALUE,
        Long.MAX_VALUE - 511,
        Long.MIN_VALUE,
        -1,
        -512
    };

    /** One damaged undo file, half of them with records whose checksums are right again. */
    public static void input(Random random) throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        try (ImageIo io = disk.create(IMAGE)) {
            new ExpandedFormat().create(io, new DeltaGeometry(20L * CLUSTER, CLUSTER));
            TestBytes.write(io, 64 + 4 * 3, new byte[] {99, 0, 0, 0, 98, 0, 0, 0});
        }
        ExpandedRepair.run(disk, IMAGE, UNDO);
        damage(random, disk);
        try {
            assertThat(UndoFile.imageOf(disk, UNDO)).isNotEmpty();
            UndoFile.putBack(disk, UNDO);
        } catch (ImageException e) {
            assertThat(e.getMessage()).containsAnyOf(UNDO, IMAGE);
        } catch (java.nio.file.NoSuchFileException e) {
            assertThat(e.getMessage()).isNotEmpty();
        }
    }

    private static void damage(Random random, SimulatedDisk disk) throws IOException {
        byte[] bytes;
        try (ImageIo io = disk.open(UNDO, OpenMode.READ_ONLY)) {
            bytes = TestBytes.read(io, 0, (int) io.size());
        }
        ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            long value = random.nextInt(3) > 0 ? INTERESTING[random.nextInt(INTERESTING.length)] : random.nextLong();
            switch (random.nextInt(6)) {
                case 0 -> file.putLong(16, value);
                case 1 -> file.putInt(24, (int) value);
                case 2 -> file.putLong(FIRST_RECORD, value);
                case 3 -> file.putInt(FIRST_RECORD + 8, (int) value);
                case 4 -> {
                    byte[] name = java.util.List.of("d1", "..", "a/b", "d\0", "ä", "")
                            .get(random.nextInt(6))
                            .getBytes(StandardCharsets.UTF_8);
                    file.putInt(24, name.length);
                    System.arraycopy(name, 0, bytes, 32, name.length);
                }
                default -> bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            }
        }
        if (random.nextBoolean()) {
            seal(file);
        }
        byte[] written = random.nextInt(6) == 0 ? java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes;
        disk.delete(UNDO);
        try (ImageIo io = disk.create(UNDO)) {
            if (written.length > 0) {
                TestBytes.write(io, 0, written);
            }
        }
    }

    /** Makes the checksums of the records right, as far as there are records. */
    private static void seal(ByteBuffer file) {
        int nameBytes = file.getInt(24);
        if (nameBytes < 0 || nameBytes > 1024) {
            return;
        }
        CRC32C head = new CRC32C();
        head.update(file.array(), 0, 28);
        head.update(file.array(), 32, nameBytes);
        file.putInt(28, (int) head.getValue());
        int at = (32 + nameBytes + 7) & -8;
        while (at + 16 <= file.capacity()) {
            int length = file.getInt(at + 8);
            if (length < 0 || length > file.capacity() - at - 16) {
                return;
            }
            CRC32C crc = new CRC32C();
            crc.update(file.array(), at, 12);
            crc.update(file.array(), at + 16, length);
            file.putInt(at + 12, (int) crc.getValue());
            if (length == 0) {
                return;
            }
            at += 16 + length;
        }
    }

    @Test
    void theImageIsPutBackOrLeftAsItIs() throws Exception {
        for (long seed : Seeds.of(300).toArray()) {
            Seeds.replayable(getClass(), seed, UndoFileFuzzTest::input);
        }
    }
}
