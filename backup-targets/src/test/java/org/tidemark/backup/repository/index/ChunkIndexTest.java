package org.tidemark.backup.repository.index;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tidemark.backup.repository.chunk.ChunkId;
import org.tidemark.backup.repository.pack.PackId;
import org.tidemark.backup.repository.pack.SegmentRef;

class ChunkIndexTest {
    private static ChunkId id(Random random) {
        return new ChunkId(random.nextLong(), random.nextLong(), 0, 0);
    }

    @Test
    void whatWasAddedIsFoundThroughGrowth() {
        ChunkIndex index = new ChunkIndex(100_000);
        Random random = new Random(1);
        Map<ChunkId, SegmentRef> model = new HashMap<>();
        for (int i = 0; i < 50_000; i++) {
            ChunkId id = id(random);
            SegmentRef ref = new SegmentRef(
                    new PackId(i / 1000, 3), 128 + random.nextInt((64 << 20) - 128), 17 + random.nextInt(65536));
            index.add(id, ref);
            model.put(id, ref);
        }
        model.forEach((id, ref) -> assertThat(index.find(id)).contains(ref));
        assertThat(index.find(id(random))).isEmpty();
        assertThat(index.size()).isEqualTo(50_000);
    }

    @Test
    void theBoundHolds() {
        ChunkIndex index = new ChunkIndex(1000);
        Random random = new Random(1);
        for (int i = 0; i < 5000; i++) {
            index.add(id(random), new SegmentRef(new PackId(1, 1), 128, 100));
        }
        assertThat(index.size()).isEqualTo(1000);
    }

    @Test
    void aForgottenPackGivesNothingAndItsChunksMayMove() {
        ChunkIndex index = new ChunkIndex(1000);
        ChunkId id = new ChunkId(1, 2, 3, 4);
        index.add(id, new SegmentRef(new PackId(1, 1), 128, 100));
        index.forget(new PackId(1, 1));
        assertThat(index.find(id)).isEmpty();
        SegmentRef other = new SegmentRef(new PackId(2, 2), 500, 100);
        index.add(id, other);
        assertThat(index.find(id)).contains(other);
        assertThat(index.size()).isEqualTo(1);
    }
}
