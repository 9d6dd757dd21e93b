package org.tidemark.ploop.partition;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.testing.MemoryDevice;

/** A table that is written again has everything in it that the old one had. */
class GuidPartitionTableTest {
    private static final int CLUSTER = 32 << 10;
    private static final UUID ID = UUID.fromString("5fbaabe3-6958-40ff-92a7-860e329aab41");

    /** Flags, names and places in the table are what boot loaders and /etc/fstab go by. */
    @Test
    void growingKeepsFlagsNamesAndNumbers() throws IOException {
        MemoryDevice disk = new MemoryDevice("disk", new byte[1 << 20]);
        List<Partition> made = List.of(
                new Partition(2, Partition.LINUX_DATA, ID, 64 * 512L, 100 * 512L, 1L << 60 | 4, "boot, legacy"),
                new Partition(5, ID, Partition.LINUX_DATA, 200 * 512L, 300 * 512L, Long.MIN_VALUE, "zweite, ä"));
        new GuidPartitionTable(ID, made).write(disk);
        GuidPartitionTable grown = GuidPartitionTable.read(disk).orElseThrow().grownTo(1 << 20, CLUSTER);
        assertThat(grown.partitions().get(1).lengthBytes()).isGreaterThan(300 * 512L);
        grown.write(disk);
        List<Partition> found = GuidPartitionTable.read(disk).orElseThrow().partitions();
        assertThat(found.get(0)).isEqualTo(made.get(0));
        Partition last = found.get(1);
        assertThat(last.number()).isEqualTo(5);
        assertThat(last.attributes()).isEqualTo(Long.MIN_VALUE);
        assertThat(last.name()).isEqualTo("zweite, ä");
        assertThat(last.offsetBytes()).isEqualTo(200 * 512L);
    }
}
