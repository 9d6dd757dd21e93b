package org.tidemark.backup.repository.map;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.chunk.ChunkId;
import org.tidemark.backup.repository.map.MapEntry.Mosaic;
import org.tidemark.backup.repository.map.MapEntry.SegmentUse;
import org.tidemark.backup.repository.map.MapEntry.Whole;
import org.tidemark.backup.repository.pack.PackId;
import org.tidemark.backup.repository.pack.SegmentKind;
import org.tidemark.backup.repository.pack.SegmentRef;
import org.tidemark.ploop.testing.Seeds;

/**
 * Maps of large images, without any content: what is set is found again, in every generation, at a cost that fits the
 * change.
 */
@Timeout(60)
class MapCodecTest {
    /** Nodes in memory, named by their hash. */
    private static final class Nodes implements MapNodes.Writer, MapNodes.Reader {
        final Map<MapRef, byte[]> stored = new HashMap<>();
        long bytes;

        @Override
        public MapRef write(SegmentKind kind, ByteBuffer raw) {
            byte[] copy = new byte[raw.remaining()];
            raw.duplicate().get(copy);
            MapRef ref = new MapRef(segment(stored.size()), ChunkId.of(raw, ChunkId.newDigest()));
            stored.put(ref, copy);
            bytes += copy.length;
            return ref;
        }

        @Override
        public ByteBuffer read(SegmentKind kind, MapRef ref) {
            return ByteBuffer.wrap(stored.getOrDefault(ref, new byte[0])).order(ByteOrder.LITTLE_ENDIAN);
        }
    }

    static LongStream seeds() {
        return Seeds.of(50);
    }

    private static SegmentRef segment(int n) {
        return new SegmentRef(new PackId(n / 1000, 7), 128 + n % 1000, 100);
    }

    private static MapEntry entry(Random random) {
        ChunkId hash = new ChunkId(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
        switch (random.nextInt(4)) {
            case 0:
                return MapEntry.ZERO;
            case 1:
                List<SegmentUse> uses = new ArrayList<>();
                for (int i = 0; i <= random.nextInt(4); i++) {
                    uses.add(new SegmentUse(1 << i * 4 | 1 << i * 4 + 2, segment(random.nextInt(5000))));
                }
                return new Mosaic(hash, List.copyOf(uses));
            default:
                return new Whole(hash, segment(random.nextInt(5000)));
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void everyGenerationKeepsItsEntries(long seed) throws Exception {
        Seeds.replayable(MapCodecTest.class, seed, random -> {
            Nodes nodes = new Nodes();
            @Nullable ImageMap parent = null;
            long chunks = 1 + random.nextInt(random.nextBoolean() ? 3000 : 900_000);
            TreeMap<Long, MapEntry> model = new TreeMap<>();
            List<ImageMap> maps = new ArrayList<>();
            List<TreeMap<Long, MapEntry>> models = new ArrayList<>();
            for (int generation = 0; generation < 9; generation++) {
                if (random.nextInt(5) == 0) {
                    chunks = 1 + random.nextInt(random.nextBoolean() ? 3000 : 900_000);
                    model.tailMap(chunks, true).clear();
                }
                ImageMapBuilder builder = new ImageMapBuilder(parent, chunks * 65536 - random.nextInt(65536), nodes);
                setSome(random, chunks, model, builder);
                parent = ImageMap.open(nodes, builder.finish());
                maps.add(parent);
                models.add(new TreeMap<>(model));
            }
            for (int i = 0; i < maps.size(); i++) {
                check(maps.get(i), models.get(i), random);
            }
        });
    }

    private static void setSome(Random random, long chunks, TreeMap<Long, MapEntry> model, ImageMapBuilder builder)
            throws IOException {
        TreeSet<Long> places = new TreeSet<>();
        long around = random.nextLong(chunks);
        for (int i = 0; i < random.nextInt(random.nextInt(4) == 0 ? 1500 : 30); i++) {
            places.add(
                    random.nextBoolean()
                            ? random.nextLong(chunks)
                            : Math.min(chunks - 1, around + random.nextInt(2000)));
        }
        long zeroFrom = random.nextLong(chunks);
        long zeroCount = random.nextInt(4) == 0 ? random.nextLong(chunks - zeroFrom) : 0;
        places.removeIf(chunk -> chunk >= zeroFrom && chunk < zeroFrom + zeroCount);
        boolean zeroed = zeroCount == 0;
        for (long chunk : places) {
            if (!zeroed && chunk > zeroFrom) {
                builder.setZero(zeroFrom, zeroCount);
                zeroed = true;
            }
            MapEntry entry = entry(random);
            builder.set(chunk, entry);
            assertThat(builder.entry(chunk)).isEqualTo(entry);
            model.put(chunk, entry);
            if (random.nextInt(10) == 0) {
                builder.sealBelow(chunk);
            }
        }
        if (!zeroed) {
            builder.setZero(zeroFrom, zeroCount);
        }
        model.subMap(zeroFrom, zeroFrom + zeroCount).clear();
    }

    private static void check(ImageMap map, TreeMap<Long, MapEntry> model, Random random) throws IOException {
        for (Map.Entry<Long, MapEntry> entry : model.entrySet()) {
            assertThat(map.entry(entry.getKey())).isEqualTo(entry.getValue());
        }
        for (int i = 0; i < 200; i++) {
            long chunk = random.nextLong(map.chunks());
            assertThat(map.entry(chunk)).isEqualTo(model.getOrDefault(chunk, MapEntry.ZERO));
            long skipped = map.skipZeroPages(chunk);
            assertThat(model.subMap(chunk, Math.max(chunk, skipped)).values())
                    .allMatch(entry -> entry instanceof MapEntry.Zero);
        }
    }

    @Test
    void aScatteredChangeCostsWhatChangedAndNoChangeCostsNothing() throws Exception {
        Nodes nodes = new Nodes();
        Random random = new Random(1);
        long chunks = 65536;
        ImageMapBuilder full = new ImageMapBuilder(null, chunks * 65536, nodes);
        for (long chunk = 0; chunk < chunks; chunk++) {
            full.set(chunk, new Whole(new ChunkId(chunk, 1, 1, 1), segment((int) chunk)));
        }
        ImageMap parent = ImageMap.open(nodes, full.finish());
        long fullBytes = nodes.bytes;
        for (int round = 0; round < 12; round++) {
            nodes.bytes = 0;
            ImageMapBuilder builder = new ImageMapBuilder(parent, chunks * 65536, nodes);
            for (int i = 0; i < 400; i++) {
                builder.set(random.nextLong(chunks), new Whole(new ChunkId(i, round, 1, 1), segment(i)));
            }
            parent = ImageMap.open(nodes, builder.finish());
            assertThat(nodes.bytes).as("round " + round).isLessThan(fullBytes / 8);
        }
        nodes.bytes = 0;
        MapRef same = new ImageMapBuilder(parent, chunks * 65536, nodes).finish();
        assertThat(same).isEqualTo(parent.rootRef());
        assertThat(nodes.bytes).isZero();
    }

    @Test
    void theLargestImageHasARootThatFits() throws Exception {
        Nodes nodes = new Nodes();
        ImageMapBuilder builder = new ImageMapBuilder(null, 64L << 40, nodes);
        builder.set((64L << 40) / 65536 - 1, new Whole(new ChunkId(1, 2, 3, 4), segment(1)));
        ImageMap map = ImageMap.open(nodes, builder.finish());
        assertThat(map.entry(map.chunks() - 1).hash()).isEqualTo(new ChunkId(1, 2, 3, 4));
        assertThat(map.skipZeroPages(0)).isEqualTo(map.chunks() - 1024);
        assertThatIllegalArgumentException().isThrownBy(() -> new MapShape((64L << 40) + 1));
    }

    @Test
    void aSealedPageCannotBeChanged() throws Exception {
        ImageMapBuilder builder = new ImageMapBuilder(null, 5000 * 65536L, new Nodes());
        builder.set(10, MapEntry.ZERO);
        builder.sealBelow(2000);
        builder.set(1024, MapEntry.ZERO);
        assertThatIllegalStateException().isThrownBy(() -> builder.set(1000, MapEntry.ZERO));
    }

    @Test
    void mosaicsOfMoreThanFourOrOverlappingSegmentsAreNone() {
        ChunkId hash = ChunkId.ZERO_CHUNK;
        List<SegmentUse> five = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            five.add(new SegmentUse(1 << i, segment(i)));
        }
        assertThat(new Mosaic(hash, five.subList(0, 4)).uses()).hasSize(4);
        assertThatIllegalArgumentException().isThrownBy(() -> new Mosaic(hash, five));
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> new Mosaic(hash, List.of(new SegmentUse(3, segment(1)), new SegmentUse(2, segment(2)))));
        assertThatIllegalArgumentException().isThrownBy(() -> new Mosaic(hash, List.of()));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void nonsenseInAPageIsDamageAndNothingElse(long seed) throws Exception {
        Seeds.replayable(MapCodecTest.class, seed, random -> {
            MapEntry[] entries = new MapEntry[1024];
            for (int i = 0; i < entries.length; i++) {
                entries[i] = entry(random);
            }
            BitSet all = new BitSet();
            all.set(0, 1024);
            ByteBuffer node = MapPageCodec.encode(5, true, entries, all);
            MapEntry[] decoded = new MapEntry[1024];
            MapPageCodec.decode(node.duplicate().order(ByteOrder.LITTLE_ENDIAN), 5, true, decoded);
            assertThat(Arrays.equals(decoded, entries)).isTrue();
            // Past the checksums on purpose: the codec itself must not trust what it reads.
            for (int i = 0; i < 200; i++) {
                ByteBuffer broken = ByteBuffer.allocate(node.limit()).order(ByteOrder.LITTLE_ENDIAN);
                broken.put(node.duplicate()).flip();
                int reach = random.nextBoolean() ? broken.limit() : 300;
                broken.put(random.nextInt(reach), (byte) random.nextInt(256));
                if (random.nextInt(4) == 0) {
                    broken.limit(random.nextInt(broken.limit()));
                }
                try {
                    MapPageCodec.decode(broken, 5, true, new MapEntry[1024]);
                } catch (RepositoryException e) {
                    assertThat(e.kind()).isIn(RepositoryException.Kind.DAMAGED, RepositoryException.Kind.UNSUPPORTED);
                }
            }
            assertThatExceptionOfType(RepositoryException.class)
                    .isThrownBy(() ->
                            MapPageCodec.decode(node.duplicate().order(ByteOrder.LITTLE_ENDIAN), 6, true, decoded));
        });
    }
}
