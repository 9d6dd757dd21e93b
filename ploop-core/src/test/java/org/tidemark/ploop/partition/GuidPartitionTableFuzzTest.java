package org.tidemark.ploop.partition;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.testing.MemoryDevice;
import org.tidemark.ploop.testing.Seeds;

/** Whatever a disk has in the place of its partition table: no table, a table that makes sense, or one sentence. */
public class GuidPartitionTableFuzzTest {
    private static final int SECTORS = 1024;
    private static final int CLUSTER = 32 << 10;
    private static final long[] INTERESTING = {
        0,
        1,
        2,
        33,
        34,
        127,
        128,
        129,
        SECTORS - 34,
        SECTORS - 1,
        SECTORS,
        0x7FFFFFFFL,
        0xFFFFFFFFL,
        1L << 54,
        Long.MAX_VALUE / 512,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        -1
    };

    private static byte[] good(Random random) throws IOException {
        byte[] bytes = new byte[SECTORS * 512];
        UUID id = new UUID(random.nextLong(), random.nextLong());
        GuidPartitionTable table = random.nextBoolean()
                ? GuidPartitionTable.forContainer(bytes.length, CLUSTER, id, id)
                : new GuidPartitionTable(
                        id,
                        List.of(
                                new Partition(1, Partition.LINUX_DATA, id, 64 * 512L, 100 * 512L, "first"),
                                new Partition(3, id, Partition.LINUX_DATA, 200 * 512L, 300 * 512L, "zweite, ä𝄞")));
        table.write(new MemoryDevice("disk", bytes));
        return bytes;
    }

    /** One damaged table, half of them with checksums that are right again. */
    public static void input(Random random) throws IOException {
        byte[] bytes = good(random);
        ByteBuffer disk = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 1 + random.nextInt(4); i > 0; i--) {
            long value = random.nextInt(3) > 0 ? INTERESTING[random.nextInt(INTERESTING.length)] : random.nextLong();
            boolean backup = random.nextInt(4) == 0;
            int header = (backup ? SECTORS - 1 : 1) * 512;
            int entries = (backup ? SECTORS - 33 : 2) * 512;
            switch (random.nextInt(5)) {
                case 0 -> disk.putLong(header + 24 + 8 * random.nextInt(8), value);
                case 1 -> disk.putInt(header + 4 * random.nextInt(24), (int) value);
                case 2 -> disk.putLong(entries + 128 * random.nextInt(3) + 32 + 8 * random.nextInt(2), value);
                case 3 -> disk.putLong(entries + 8 * random.nextInt(60), value);
                default ->
                    bytes[random.nextInt(random.nextBoolean() ? 20 * 512 : bytes.length)] ^=
                            (byte) (1 << random.nextInt(8));
            }
        }
        if (random.nextInt(4) > 0) {
            seal(disk, 512);
            seal(disk, (SECTORS - 1) * 512);
        }
        int sectors = random.nextInt(8) == 0 ? random.nextInt(SECTORS + 1) : SECTORS;
        byte[] cut = sectors == SECTORS ? bytes : java.util.Arrays.copyOf(bytes, sectors * 512);
        look(random, cut);
    }

    private static void look(Random random, byte[] bytes) throws IOException {
        try {
            Optional<GuidPartitionTable> found = GuidPartitionTable.read(new MemoryDevice("disk", bytes));
            if (found.isEmpty()) {
                return;
            }
            for (Partition one : found.get().partitions()) {
                assertThat(one.offsetBytes()).isBetween(1024L, bytes.length - 512L);
                assertThat(one.lengthBytes()).isBetween(512L, bytes.length - one.offsetBytes());
            }
            // What was read can be written to a larger disk, and read from it.
            byte[] larger = java.util.Arrays.copyOf(bytes, bytes.length + (1 + random.nextInt(4)) * CLUSTER);
            GuidPartitionTable grown = found.get().grownTo(larger.length, CLUSTER);
            grown.write(new MemoryDevice("larger", larger));
            GuidPartitionTable again =
                    GuidPartitionTable.read(new MemoryDevice("larger", larger)).orElseThrow();
            assertThat(again.diskId()).isEqualTo(grown.diskId());
            assertThat(again.partitions().stream().map(Partition::offsetBytes).toList())
                    .isEqualTo(grown.partitions().stream()
                            .map(Partition::offsetBytes)
                            .toList());
            assertThat(again.partitions().stream().map(Partition::lengthBytes).toList())
                    .isEqualTo(grown.partitions().stream()
                            .map(Partition::lengthBytes)
                            .toList());
        } catch (ImageException e) {
            assertThat(e.getMessage()).startsWith("disk");
        }
    }

    /** Makes the checksums of a header and of what it calls its entries right. */
    private static void seal(ByteBuffer disk, int header) {
        long entries = disk.getLong(header + 72) * 512;
        long length = (long) disk.getInt(header + 80) * disk.getInt(header + 84);
        if (entries >= 0 && length > 0 && length <= 1 << 20 && entries <= disk.capacity() - length) {
            disk.putInt(header + 88, crc(disk, (int) entries, (int) length));
        }
        disk.putInt(header + 16, 0);
        disk.putInt(header + 16, crc(disk, header, 92));
    }

    private static int crc(ByteBuffer disk, int from, int length) {
        CRC32 crc = new CRC32();
        crc.update(disk.array(), from, length);
        return (int) crc.getValue();
    }

    @Test
    void whateverStandsThereIsNoTableOrOneThatMakesSense() throws Exception {
        for (long seed : Seeds.of(500).toArray()) {
            Seeds.replayable(getClass(), seed, GuidPartitionTableFuzzTest::input);
        }
    }

    /** The damage gets past the checksums, or nothing behind them would be put to the test. */
    @Test
    void aPartitionOutsideTheDiskIsRefusedByName() throws IOException {
        byte[] bytes = good(new Random(2));
        ByteBuffer disk = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        disk.putLong(2 * 512 + 40, SECTORS);
        seal(disk, 512);
        assertThatThrownBy(() -> GuidPartitionTable.read(new MemoryDevice("disk", bytes)))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("partition 1")
                .hasMessageContaining("outside the disk");
    }
}
