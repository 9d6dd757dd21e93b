package org.tidemark.ploop.io.nfs;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.tidemark.ploop.io.nfs.UncommittedLog.Record;

/** For each byte that was written and is not durable, the record that wrote it last. Not synchronised. */
final class NewestWrites {
    private final NavigableMap<Long, Extent> extents = new TreeMap<>();

    /** A part of a record that no later one has overwritten. */
    record Extent(long from, long to, Record by) {}

    boolean isEmpty() {
        return extents.isEmpty();
    }

    /** All of {@code record} is newer than what is here. */
    void put(Record record) {
        long from = record.position;
        long to = record.end();
        Map.Entry<Long, Extent> before = extents.lowerEntry(from);
        if (before != null && before.getValue().to() > from) {
            Extent cut = before.getValue();
            extents.put(cut.from(), new Extent(cut.from(), from, cut.by()));
            if (cut.to() > to) {
                extents.put(to, new Extent(to, cut.to(), cut.by()));
            }
        }
        for (Map.Entry<Long, Extent> at = extents.ceilingEntry(from);
                at != null && at.getKey() < to;
                at = extents.ceilingEntry(from)) {
            extents.remove(at.getKey());
            if (at.getValue().to() > to) {
                extents.put(to, new Extent(to, at.getValue().to(), at.getValue().by()));
            }
        }
        extents.put(from, new Extent(from, to, record));
    }

    /** What overlaps the range, in ascending order. */
    List<Extent> within(long from, long to) {
        if (extents.isEmpty()) {
            return List.of();
        }
        List<Extent> found = new ArrayList<>();
        Map.Entry<Long, Extent> before = extents.lowerEntry(from);
        if (before != null && before.getValue().to() > from) {
            found.add(before.getValue());
        }
        found.addAll(extents.subMap(from, true, to, false).values());
        return found;
    }

    List<Extent> all() {
        return List.copyOf(extents.values());
    }

    /** Forgets the records that are released. */
    void removeReleased() {
        extents.values().removeIf(extent -> extent.by().state == UncommittedLog.RELEASED);
    }
}
