package org.tidemark.ploop.io.nfs;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.KeptMemory;

/** Kept memory as it is at one moment, for a process that dies then. */
final class SnapshotMemory implements KeptMemory {
    private final Map<String, AlignedBuffer> regions = new TreeMap<>();

    SnapshotMemory copy() {
        SnapshotMemory copy = new SnapshotMemory();
        regions.forEach((name, region) -> {
            AlignedBuffer memory = copy.region(name, region.capacity());
            memory.copyFrom(region, 0, 0, region.capacity());
        });
        return copy;
    }

    /** The same, but what was on its way when the process died is not told of. */
    SnapshotMemory withoutDoubts() {
        SnapshotMemory copy = copy();
        copy.drop(NfsNames.REGION);
        copy.regions.values().forEach(UncommittedLog::forgetDoubts);
        return copy;
    }

    /** Makes all of it of one series of locks, right or wrong. */
    void ofSeries(long series) {
        regions.forEach((name, region) -> {
            if (!name.equals(NfsNames.REGION)) {
                UncommittedLog.setSeries(region, series);
            }
        });
    }

    @Override
    public AlignedBuffer region(String name, int sizeBytes) {
        return regions.computeIfAbsent(name, key -> AlignedBuffer.over(ByteBuffer.allocateDirect(sizeBytes)));
    }

    @Override
    public boolean exists(String name) {
        return regions.containsKey(name);
    }

    @Override
    public List<String> names() {
        return List.copyOf(regions.keySet());
    }

    @Override
    public void drop(String name) {
        regions.remove(name);
    }
}
