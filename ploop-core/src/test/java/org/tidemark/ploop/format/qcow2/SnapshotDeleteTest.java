package org.tidemark.ploop.format.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
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

/** An internal snapshot goes, and nothing else changes; with a crash at every operation. */
class SnapshotDeleteTest {
    private static final String IMAGE = "image";

    private static SimulatedDisk golden() throws IOException {
        SimulatedDisk disk = new SimulatedDisk();
        Golden.put(disk, "v2-snapshots.qcow2", IMAGE);
        return disk;
    }

    private static List<Snapshot> snapshots(SimulatedDisk disk) throws IOException {
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY)) {
            return Snapshot.list(io, Qcow2Header.read(io));
        }
    }

    /** Hash of the content of the disk ("") and of each snapshot, by its id. */
    private static Map<String, Integer> contents(SimulatedDisk disk) throws IOException {
        Map<String, Integer> found = new TreeMap<>();
        found.put("", content(disk, ""));
        for (Snapshot snapshot : snapshots(disk)) {
            found.put(snapshot.id(), content(disk, snapshot.id()));
        }
        return found;
    }

    private static int content(SimulatedDisk disk, String id) throws IOException {
        ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY);
        try (Delta delta = id.isEmpty()
                ? Qcow2Format.open(io, null, OpenIntent.READ, AllocationCursor.transientCursor())
                : Qcow2Format.openSnapshot(io, null, id)) {
            int clusterBytes = delta.geometry().clusterSizeBytes();
            AlignedBuffer page = AlignedBuffer.allocate(Delta.PAGE_CLUSTERS * 4);
            AlignedBuffer cluster = AlignedBuffer.allocate(clusterBytes);
            int hash = 1;
            for (long i = 0; i < delta.geometry().clusters(); i++) {
                long at = i + Delta.PAGE_SHIFT_CLUSTERS;
                delta.readMapPage(at / Delta.PAGE_CLUSTERS, page, 0);
                int physical = page.getInt((int) (at % Delta.PAGE_CLUSTERS) * 4);
                cluster.zero(0, clusterBytes);
                if (physical != Delta.NOT_ALLOCATED) {
                    delta.read(physical, 0, cluster, 0, clusterBytes);
                }
                hash = 31 * hash + Arrays.hashCode(TestBytes.bytes(cluster, 0, clusterBytes));
            }
            return hash;
        }
    }

    private static List<Finding> check(SimulatedDisk disk) throws IOException {
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_ONLY)) {
            return ChainCheck.run(io).findings();
        }
    }

    private static void delete(SimulatedDisk disk, String idOrName) throws IOException {
        try (ImageIo io = disk.open(IMAGE, OpenMode.READ_WRITE)) {
            SnapshotDelete.run(io, idOrName);
        }
    }

    @Test
    void allOfThemGoOneAfterTheOther() throws IOException {
        SimulatedDisk disk = golden();
        Map<String, Integer> before = contents(disk);
        assertThat(before.size()).isGreaterThan(2);
        for (Snapshot snapshot : snapshots(disk)) {
            delete(disk, snapshot.id());
            before.remove(snapshot.id());
            assertThat(contents(disk)).isEqualTo(before);
            assertThat(check(disk)).isEmpty();
        }
        assertThat(snapshots(disk)).isEmpty();
    }

    @Test
    void oneThatIsNotThereIsRefused() throws IOException {
        assertThatThrownBy(() -> delete(golden(), "nobody"))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("has no snapshot 'nobody'; there are");
    }

    @Test
    void aCrashLeavesItThereOrGoneAndLeakedClustersAtWorst() throws Exception {
        Seeds.replayable(getClass(), 7, SnapshotDeleteTest::crashEverywhere);
    }

    private static void crashEverywhere(Random random) throws IOException {
        SimulatedDisk start = golden();
        Map<String, Integer> with = contents(start);
        String id = snapshots(start).get(0).id();
        Map<String, Integer> without = new TreeMap<>(with);
        without.remove(id);
        boolean over = false;
        int gone = 0;
        for (int operation = 1; !over; operation++) {
            SimulatedDisk disk = start.crash(random);
            disk.faults().powerOffAt(disk.faults().operations() + operation);
            try {
                delete(disk, id);
                over = true;
            } catch (IOException e) {
                assertThat(e).hasMessageContaining("no power");
            }
            SimulatedDisk after = disk.crash(random);
            Map<String, Integer> found = contents(after);
            gone += found.equals(without) ? 1 : 0;
            assertThat(found).isIn(with, without);
            assertThat(check(after))
                    .allMatch(finding -> finding instanceof Finding.LeakedClusters
                            || (finding instanceof Finding.CopiedMismatch mismatch && !mismatch.copied()));
        }
        assertThat(gone).isGreaterThan(1);
    }
}
