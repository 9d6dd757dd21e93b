package org.tidemark.backup.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.tidemark.backup.replication.Replication.assertSame;
import static org.tidemark.backup.replication.Replication.assertWhole;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.latest;
import static org.tidemark.backup.testing.Repositories.options;
import static org.tidemark.backup.testing.Repositories.reopen;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.RepositoryException.Kind;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.target.MeteredTarget;
import org.tidemark.backup.target.memory.MemoryTarget;
import org.tidemark.backup.testing.ModelDisk;

@Timeout(60)
class ReplicatorTest {
    private final MemoryTarget source = new MemoryTarget();
    private final MemoryTarget place = new MemoryTarget();
    private final ModelDisk disk = new ModelDisk("root", 3 << 20);
    private final Random random = new Random(1);

    @BeforeEach
    void create() throws Exception {
        BackupRepository.create(source, options(1)).close();
    }

    private RecoveryPoint point(long second) throws Exception {
        try (BackupRepository repository = reopen(source, 100 + second)) {
            disk.writeRandomly(random, 8);
            Optional<RecoveryPoint> parent = latest(repository, "web");
            return backup(
                    repository,
                    "web",
                    parent,
                    second,
                    parent.isEmpty() ? disk.freezeFull("first") : disk.freezeIncremental());
        }
    }

    private ReplicationResult replicate() throws Exception {
        return Replication.run(source, place, List.of("web"));
    }

    private static Set<String> packsOf(MemoryTarget target) {
        Set<String> packs = new HashSet<>(target.snapshot().keySet());
        packs.removeIf(key -> !key.startsWith("pack/"));
        return packs;
    }

    @Test
    void aReplicaIsTheSameToTheByte() throws Exception {
        point(0);
        RecoveryPoint newest = point(1);
        ReplicationResult result = replicate();
        assertThat(result.points()).isEqualTo(2);
        assertThat(result.newest()).contains(newest);
        assertSame(source.snapshot(), place.snapshot());
        assertThat(place.snapshot().keySet()).isEqualTo(source.snapshot().keySet());
        assertWhole(place);
    }

    @Test
    void anIncrementCostsItsOwnPacksAndNothingNewCostsListings() throws Exception {
        byte[] noise = new byte[3 << 20];
        random.nextBytes(noise);
        disk.write(0, noise);
        point(0);
        replicate();
        Set<String> before = packsOf(source);
        point(1);
        Set<String> added = packsOf(source);
        added.removeAll(before);
        long expected = added.stream()
                .mapToLong(key -> source.snapshot().getOrDefault(key, new byte[0]).length)
                .sum();
        MeteredTarget from = new MeteredTarget(source);
        MeteredTarget to = new MeteredTarget(place);
        ReplicationResult result = Replication.run(from, to, List.of("web"));
        assertThat(result.packs()).isEqualTo(added.size());
        assertThat(result.bytesSent()).isBetween(expected, expected + 4096);
        // One put more for the record, and the one of format.json that finds it there.
        assertThat(to.count().puts()).isEqualTo(added.size() + 2);
        assertThat(to.count().lists()).isEqualTo(2);

        from = new MeteredTarget(source);
        to = new MeteredTarget(place);
        try (BackupRepository opened = reopen(source, 1);
                BackupRepository replica = reopen(place, 2);
                Replicator again = new Replicator(
                        opened.through(from), replica.through(to), to, new PackRoom(1), () -> false, () -> false)) {
            assertThat(again.run("web", ReplicationProgress.SILENT).points()).isZero();
        }
        assertThat(from.count()).isEqualTo(new MeteredTarget.Count(0, 0, 1, 0, 0));
        assertThat(to.count()).isEqualTo(new MeteredTarget.Count(0, 0, 1, 0, 0));
    }

    @Test
    void aDamagedPackKeepsItsPointBackAndNoOther() throws Exception {
        RecoveryPoint first = point(0);
        Set<String> before = packsOf(source);
        RecoveryPoint second = point(1);
        Set<String> added = packsOf(source);
        added.removeAll(before);
        String victim = added.iterator().next();
        byte[] whole = source.snapshot().get(victim);
        assertThat(whole).isNotNull();
        for (int at = 0; whole != null && at < whole.length; at += 1 + random.nextInt(1 + whole.length / 20)) {
            byte[] damaged = whole.clone();
            damaged[at] ^= 1;
            source.damage(victim, damaged);
            ReplicationResult result = replicate();
            assertThat(result.damaged()).as("damage at " + at).isNotEmpty();
            assertThat(result.damaged().get(0))
                    .hasMessageContaining(second.pointId())
                    .hasMessageContaining(source.describe());
            assertThat(packsOf(place)).doesNotContain(victim);
            assertWhole(place);
        }
        try (BackupRepository replica = reopen(place, 5)) {
            assertThat(replica.points("web").points()).containsExactly(first);
        }
        source.damage(victim, new byte[0]);
        assertThat(replicate().damaged().get(0)).hasMessageContaining("missing");
        assertThat(whole).isNotNull();
        source.damage(victim, whole == null ? new byte[0] : whole);
        assertThat(replicate().newest()).contains(second);
        assertSame(source.snapshot(), place.snapshot());
    }

    /** The point after next takes chunks from packs of one that did not arrive. */
    @Test
    void aPointIsWholeAlsoWhenOneBeforeItIsLeftOut() throws Exception {
        byte[] noise = new byte[256 << 10];
        random.nextBytes(noise);
        point(0);
        Set<String> before = packsOf(source);
        disk.write(1 << 20, noise);
        RecoveryPoint left = point(1);
        Set<String> added = packsOf(source);
        added.removeAll(before);
        disk.write(1 << 20, new byte[256 << 10]);
        point(2);
        disk.write(2 << 20, noise);
        point(3);
        // The record of the one in the middle cannot be read, its packs can.
        String record = "ct/web/log/00000000000000000002";
        byte[] bytes = source.snapshot().get(record);
        source.damage(record, new byte[] {1});
        ReplicationResult result = replicate();
        assertThat(result.damaged()).hasSize(1);
        assertThat(result.points()).isEqualTo(3);
        assertWhole(place);
        source.damage(record, bytes == null ? new byte[0] : bytes);
        assertThat(replicate().newest()).contains(left);
        assertWhole(place);
        assertThat(added).isNotEmpty();

        // And with a pack of it damaged: whatever arrives is whole.
        for (String pack : added) {
            MemoryTarget other = new MemoryTarget();
            byte[] good = source.snapshot().get(pack);
            source.damage(pack, new byte[] {1, 2, 3});
            assertThat(Replication.run(source, other, List.of("web")).damaged()).isNotEmpty();
            assertWhole(other);
            source.damage(pack, good == null ? new byte[0] : good);
            Replication.run(source, other, List.of("web"));
            assertSame(source.snapshot(), other.snapshot());
            assertWhole(other);
        }
    }

    @Test
    void anotherRecordOnTheReplicaIsToldAndNothingIsChanged() throws Exception {
        point(0);
        replicate();
        // Both go on by themselves: somebody wrote to the replica.
        ModelDisk other = new ModelDisk("root", 1 << 20);
        other.writeRandomly(random, 5);
        try (BackupRepository replica = reopen(place, 77)) {
            backup(replica, "web", latest(replica, "web"), 9, other.freezeFull("on the replica"));
        }
        Map<String, byte[]> before = place.snapshot();
        diverged("number 2", "lacks");
        point(1);
        point(2);
        diverged("number 2", "other content");
        assertThat(place.snapshot().keySet()).isEqualTo(before.keySet());
        try (BackupRepository one = reopen(source, 1);
                BackupRepository two = reopen(place, 2)) {
            assertThatExceptionOfType(RepositoryException.class)
                    .isThrownBy(() -> Divergence.refuse(one, two))
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.DIVERGED));
        }
    }

    private void diverged(String... words) {
        assertThatExceptionOfType(RepositoryException.class)
                .isThrownBy(this::replicate)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.DIVERGED))
                .satisfies(e -> assertThat(e.getMessage()).contains(words).contains("nothing was changed"));
    }

    @Test
    void aPlaceWithAnotherRepositoryIsRefused() throws Exception {
        point(0);
        BackupRepository.create(place, options(9)).close();
        Map<String, byte[]> before = place.snapshot();
        assertThatExceptionOfType(RepositoryException.class)
                .isThrownBy(this::replicate)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.OTHER_REPOSITORY));
        assertThat(place.snapshot().keySet()).isEqualTo(before.keySet());
    }

    @Test
    void progressAddsUp() throws Exception {
        point(0);
        point(1);
        long[] counts = new long[2];
        List<RecoveryPoint> arrived = new ArrayList<>();
        ReplicationResult result = Replication.run(source, place, List.of("web"), new ReplicationProgress() {
            @Override
            public void planned(long moreBytes) {
                counts[0] += moreBytes;
            }

            @Override
            public void sent(long bytes) {
                counts[1] += bytes;
                assertThat(counts[1]).isLessThanOrEqualTo(counts[0]);
            }

            @Override
            public void arrived(RecoveryPoint point) {
                arrived.add(point);
            }
        });
        assertThat(counts[0]).isEqualTo(counts[1]).isPositive();
        assertThat(result.bytesSent()).isGreaterThan(counts[1]);
        assertThat(arrived).hasSize(2);
    }

    @Test
    void aLinkThatIsOffEndsTheRunBetweenPacks() throws Exception {
        byte[] noise = new byte[3 << 20];
        random.nextBytes(noise);
        disk.write(0, noise);
        RecoveryPoint first = point(0);
        RecoveryPoint second = point(1);
        int runs = 0;
        boolean off = true;
        try (BackupRepository opened = reopen(source, 1)) {
            opened.beginReplica(place);
            while (off) {
                int[] asked = new int[1];
                int packs = packsOf(place).size();
                try (BackupRepository replica = reopen(place, 2);
                        Replicator replicator = new Replicator(
                                opened, replica, place, new PackRoom(1), () -> ++asked[0] > 3, () -> false)) {
                    off = replicator.run("web", ReplicationProgress.SILENT).linkWentOff();
                }
                assertThat(packsOf(place).size() - packs).isLessThanOrEqualTo(3);
                assertWhole(place);
                runs++;
            }
        }
        assertThat(runs).isGreaterThan(2);
        try (BackupRepository replica = reopen(place, 5)) {
            assertThat(replica.points("web").points()).containsExactly(first, second);
            assertRestores(replica, second, "root", disk.content);
        }
    }

    @Test
    void aCancelledRunSaysSo() throws Exception {
        point(0);
        try (BackupRepository opened = reopen(source, 1)) {
            opened.beginReplica(place);
            try (BackupRepository replica = reopen(place, 2);
                    Replicator replicator =
                            new Replicator(opened, replica, place, new PackRoom(1), () -> false, () -> true)) {
                assertThatExceptionOfType(java.io.InterruptedIOException.class)
                        .isThrownBy(() -> replicator.run("web", ReplicationProgress.SILENT));
            }
        }
    }
}
