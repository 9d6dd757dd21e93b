package org.tidemark.ploop.device;

import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.format.Delta;

/**
 * Tells in which file each part of a disk lies, and where in it. For one thread; changes of the disk meanwhile may or may not
 * be told.
 */
public final class DiskMap {
    private final Visitor visitor;
    private @Nullable Extent pending;

    private DiskMap(Visitor visitor) {
        this.visitor = visitor;
    }

    /**
     * A part of the disk that lies in one piece, or nowhere.
     *
     * @param zero whether it reads as zeros
     * @param depth how many deltas lie above the one that has it; -1 when none has it
     * @param file the one that holds it, empty when none does
     * @param fileOffsetBytes where it begins in that file; -1 when it takes no room there, or is not there as it is read
     */
    public record Extent(
            long offsetBytes, long lengthBytes, boolean zero, int depth, String file, long fileOffsetBytes) {
        private boolean isFollowedBy(Extent next) {
            boolean placed = fileOffsetBytes >= 0;
            return zero == next.zero
                    && depth == next.depth
                    && file.equals(next.file)
                    && placed == next.fileOffsetBytes >= 0
                    && (!placed || fileOffsetBytes + lengthBytes == next.fileOffsetBytes);
        }
    }

    /** Receives the parts of the disk in their order, without gaps. */
    @FunctionalInterface
    public interface Visitor {
        void extent(Extent extent) throws IOException;
    }

    /** Visits the whole disk. */
    public static void visit(PloopDevice device, Visitor visitor) throws IOException {
        List<Delta> deltas = device.deltas();
        DiskMap map = new DiskMap(visitor);
        device.map((offset, length, zero, delta, position) -> map.add(new Extent(
                offset,
                length,
                zero,
                delta == null ? -1 : deltas.size() - 1 - deltas.indexOf(delta),
                delta == null ? "" : delta.dataFile(),
                position)));
        map.finish();
    }

    private void add(Extent next) throws IOException {
        Extent last = pending;
        if (last != null && last.isFollowedBy(next)) {
            pending = new Extent(
                    last.offsetBytes(),
                    last.lengthBytes() + next.lengthBytes(),
                    last.zero(),
                    last.depth(),
                    last.file(),
                    last.fileOffsetBytes());
            return;
        }
        finish();
        pending = next;
    }

    private void finish() throws IOException {
        Extent last = pending;
        if (last != null) {
            visitor.extent(last);
        }
    }
}
