package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.UnreadableException;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.sim.SimulatedDisk;

/** Six pages of clusters, fewer slots. */
final class ClusterMapTest {
    private static final int CLUSTER = 32 * 1024;
    private static final long CLUSTERS = 6L * Delta.PAGE_CLUSTERS - Delta.PAGE_SHIFT_CLUSTERS;
    private static final long DISK = CLUSTERS * CLUSTER;

    private final SimulatedDisk disk = new SimulatedDisk();
    private final List<Delta> deltas = new ArrayList<>();
    private final PageBatch batch = new PageBatch(64);
    private KeptState state = new KeptState();

    @BeforeEach
    void open() throws IOException {
        Chains.create(disk, "d0", new DeltaGeometry(100L * CLUSTER, CLUSTER));
        Chains.create(disk, "d1", new DeltaGeometry(DISK, CLUSTER));
        try (Delta base = delta("d0", OpenIntent.WRITE)) {
            base.markInUse();
            ClusterMap map = new ClusterMap(List.of(base), 100, 4, new KeptState());
            map.publish(7, base.reserve());
            write(map, base);
            base.markClosed();
        }
        deltas.add(delta("d0", OpenIntent.READ));
        deltas.add(delta("d1", OpenIntent.WRITE));
        deltas.get(1).markInUse();
    }

    private Delta delta(String name, OpenIntent intent) throws IOException {
        OpenMode mode = intent == OpenIntent.READ ? OpenMode.READ_ONLY : OpenMode.READ_WRITE;
        return new ExpandedFormat().open(disk.open(name, mode), intent, 0, AllocationCursor.transientCursor());
    }

    private void write(ClusterMap map, Delta top) throws IOException {
        batch.nextSlot(0);
        map.takeChangedPages(batch);
        for (int i = 0; i < batch.size(); i++) {
            top.writeMapPage(batch.page(i), batch.buffer(), i * Delta.PAGE_BYTES);
        }
        map.settle(batch);
    }

    private Delta top() {
        return deltas.get(1);
    }

    private ClusterMap map(int slots) throws IOException {
        return new ClusterMap(deltas, CLUSTERS, slots, state);
    }

    private static long firstOfPage(int page) {
        return page == 0 ? 0 : (long) page * Delta.PAGE_CLUSTERS - Delta.PAGE_SHIFT_CLUSTERS;
    }

    @Test
    void aPageThatIsEvictedAndCannotBeReadFailsOneChange() throws IOException {
        boolean[] fails = {false};
        deltas.set(1, new ForwardingDelta(top()) {
            @Override
            public void readMapPage(long page, AlignedBuffer dst, int dstOffset) throws IOException {
                if (fails[0]) {
                    throw new OsException("read", "d1", Errno.EIO);
                }
                super.readMapPage(page, dst, dstOffset);
            }
        });
        ClusterMap map = map(1);
        int fresh = top().reserve();
        assertThat(map.lookup(firstOfPage(2))).isEqualTo(ClusterMap.NOWHERE);
        map.lookup(firstOfPage(3));
        fails[0] = true;
        assertThatThrownBy(() -> map.publish(firstOfPage(2), fresh)).isInstanceOf(UnreadableException.class);
        fails[0] = false;
        assertThat(map.lookup(firstOfPage(2))).isEqualTo(ClusterMap.NOWHERE);
        map.publish(firstOfPage(2), fresh);
        assertThat(ClusterMap.physical(map.lookup(firstOfPage(2)))).isEqualTo(fresh);
    }

    @Test
    void aLowerDeltaMayBeOfASmallerDisk() throws IOException {
        ClusterMap map = map(2);
        assertThat(map.lookup(7)).isNotEqualTo(ClusterMap.NOWHERE);
        assertThat(ClusterMap.level(map.lookup(7))).isZero();
        for (int page = 0; page < 6; page++) {
            assertThat(map.lookup(firstOfPage(page))).isEqualTo(ClusterMap.NOWHERE);
            assertThat(map.lookupPast(firstOfPage(page))).isEqualTo(ClusterMap.NOWHERE);
        }
        assertThat(map.lookupPast(7)).isEqualTo(map.lookup(7));
    }

    @Test
    void remembersEverythingWithFewSlots() throws IOException {
        Random random = new Random(1);
        ClusterMap map = map(2);
        Map<Long, Integer> truth = new HashMap<>();
        for (int step = 0; step < 3000; step++) {
            long cluster = (long) (random.nextDouble() * CLUSTERS);
            try {
                if (truth.containsKey(cluster) || random.nextInt(3) > 0) {
                    long entry = map.lookup(cluster);
                    Integer known = truth.get(cluster);
                    if (known != null) {
                        assertThat(ClusterMap.level(entry)).isEqualTo(1);
                        assertThat(ClusterMap.physical(entry)).isEqualTo(known);
                    } else if (cluster != 7) {
                        assertThat(entry).isEqualTo(ClusterMap.NOWHERE);
                    }
                } else {
                    int physical = top().reserve();
                    map.publish(cluster, physical);
                    truth.put(cluster, physical);
                }
            } catch (ClusterMap.MapFullException e) {
                assertThat(map.hasChangedPages()).isTrue();
                write(map, top());
            }
        }
        assertThat(truth).hasSizeGreaterThan(300);
    }

    @Test
    void isFullWhenEverySlotWaitsToBeWritten() throws IOException {
        ClusterMap map = map(2);
        map.publish(firstOfPage(1), top().reserve());
        map.publish(firstOfPage(2), top().reserve());
        assertThatThrownBy(() -> map.lookup(firstOfPage(3))).isInstanceOf(ClusterMap.MapFullException.class);
        batch.nextSlot(0);
        assertThat(map.takeChangedPages(batch)).isEqualTo(2);
        assertThatThrownBy(() -> map.lookup(firstOfPage(3)))
                .as("pages being written")
                .isInstanceOf(ClusterMap.MapFullException.class);
        map.putBack(batch);
        batch.nextSlot(0);
        assertThat(map.takeChangedPages(batch)).as("not written after all").isEqualTo(2);
        map.settle(batch);
        assertThat(map.hasChangedPages()).isFalse();
        assertThat(map.lookup(firstOfPage(3))).isEqualTo(ClusterMap.NOWHERE);
    }

    @Test
    void aPageChangedWhileItIsWrittenWaitsForTheNextRound() throws IOException {
        ClusterMap map = map(4);
        map.publish(firstOfPage(1), top().reserve());
        batch.nextSlot(0);
        map.takeChangedPages(batch);
        int later = top().reserve();
        map.publish(firstOfPage(1) + 1, later);
        assertThat(batch.buffer().getInt(4)).as("the copy is older").isEqualTo(Delta.NOT_ALLOCATED);
        assertThat(map.takeChangedPages(batch)).as("behind us in this flush").isZero();
        batch.nextSlot(0);
        assertThat(map.takeChangedPages(batch)).isEqualTo(1);
        assertThat(batch.buffer().getInt(4)).isEqualTo(later);
    }

    @Test
    void aSuccessorFindsPagesThatWereChangedOrBeingWritten() throws IOException {
        ClusterMap map = map(4);
        int dirty = top().reserve();
        int writing = top().reserve();
        map.publish(firstOfPage(2), writing);
        batch.nextSlot(0);
        map.takeChangedPages(batch);
        map.publish(firstOfPage(5), dirty);
        map.lookup(firstOfPage(3));

        state = state.successor();
        ClusterMap next = map(4);
        assertThat(ClusterMap.physical(next.lookup(firstOfPage(5)))).isEqualTo(dirty);
        assertThat(ClusterMap.physical(next.lookup(firstOfPage(2)))).isEqualTo(writing);
        batch.nextSlot(0);
        assertThat(next.takeChangedPages(batch)).isEqualTo(2);
    }

    @Test
    void aKillInTheMiddleOfMovingAClusterUpLeavesTheOldPlace() throws IOException {
        ClusterMap map = map(4);
        long before = map.lookup(7);
        map.publish(8, top().reserve());
        // The new cluster is stored, the new level is not yet.
        state.region("map.pages", 4 * (Delta.PAGE_BYTES + Delta.PAGE_CLUSTERS))
                .putInt((7 + Delta.PAGE_SHIFT_CLUSTERS) * 4, 4711);

        state = state.successor();
        assertThat(map(4).lookup(7)).isEqualTo(before);
    }
}
