package org.tidemark.ploop.chain;

import java.io.IOException;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;

/**
 * Writes what an upper delta holds down into the delta below it. The upper one is only read.
 *
 * <p>Whoever reads through both sees the same at every moment, and after a crash too: what was copied is still hidden by the
 * upper delta. So a merge that was broken off is simply done once more. Order for each page of the map: clusters, sync, page,
 * sync.
 */
final class DeltaMerge {
    private static final int COPY_BYTES = 1 << 20;

    private final Delta upper;
    private final Delta lower;
    private final boolean lowerIsBase;
    private final int clusterBytes;
    private final AlignedBuffer upperPage = AlignedBuffer.allocate(Delta.PAGE_BYTES);
    private final AlignedBuffer lowerPage = AlignedBuffer.allocate(Delta.PAGE_BYTES);
    private final AlignedBuffer copy;

    /**
     * @param lowerIsBase whether nothing lies below the lower delta: what is not allocated there reads as zeros
     * @throws ImageException of kind UNSUPPORTED when the two do not fit together
     */
    DeltaMerge(Delta upper, Delta lower, boolean lowerIsBase) throws ImageException {
        this.upper = upper;
        this.lower = lower;
        this.lowerIsBase = lowerIsBase;
        this.clusterBytes = upper.geometry().clusterSizeBytes();
        this.copy = AlignedBuffer.allocate(Math.min(COPY_BYTES, clusterBytes));
        if (lower.geometry().clusterSizeBytes() != clusterBytes) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    lower.name() + ": has clusters of " + lower.geometry().clusterSizeBytes() + " bytes, "
                            + upper.name() + " of " + clusterBytes
                            + "; levels of different cluster sizes cannot be merged");
        }
        if (lower.geometry().diskSizeBytes() != upper.geometry().diskSizeBytes()) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    lower.name() + ": has a disk of " + lower.geometry().diskSizeBytes() + " bytes, " + upper.name()
                            + " of " + upper.geometry().diskSizeBytes() + "; grow the lower one first");
        }
    }

    /** Copies everything; durable on return. The lower delta's in-use mark is the caller's. */
    void run(ChainProgress progress) throws IOException {
        long clusters = upper.geometry().clusters();
        long pages = (clusters + Delta.PAGE_SHIFT_CLUSTERS + Delta.PAGE_CLUSTERS - 1) / Delta.PAGE_CLUSTERS;
        for (long page = 0; page < pages; page++) {
            upper.readMapPage(page, upperPage, 0);
            if (holdsAnything()) {
                mergePage(page);
            }
            progress.done(Math.min((page + 1) * Delta.PAGE_CLUSTERS, clusters), clusters);
        }
    }

    private boolean holdsAnything() {
        for (int slot = 0; slot < Delta.PAGE_CLUSTERS; slot++) {
            if (upperPage.getInt(slot * 4) != Delta.NOT_ALLOCATED) {
                return true;
            }
        }
        return false;
    }

    private void mergePage(long page) throws IOException {
        lower.readMapPage(page, lowerPage, 0);
        boolean mapChanged = false;
        for (int slot = 0; slot < Delta.PAGE_CLUSTERS; slot++) {
            int from = upperPage.getInt(slot * 4);
            if (from == Delta.NOT_ALLOCATED) {
                continue;
            }
            int to = lowerPage.getInt(slot * 4);
            if (to != Delta.NOT_ALLOCATED) {
                copyCluster(page, slot, from, to, true);
            } else if (!lowerIsBase || !isZero(page, slot, from)) {
                int fresh = lower.reserve();
                copyCluster(page, slot, from, fresh, false);
                lowerPage.putInt(slot * 4, fresh);
                mapChanged = true;
            }
        }
        lower.flush();
        if (mapChanged) {
            lower.writeMapPage(page, lowerPage, 0);
            lower.flush();
        }
    }

    private boolean isZero(long page, int slot, int from) throws IOException {
        int length = lengthOf(page, slot);
        for (int at = 0; at < length; at += copy.capacity()) {
            int piece = Math.min(copy.capacity(), length - at);
            upper.read(from, at, copy, 0, piece);
            if (!copy.isZero(0, piece)) {
                return false;
            }
        }
        return true;
    }

    private void copyCluster(long page, int slot, int from, int to, boolean hasOldContent) throws IOException {
        int length = lengthOf(page, slot);
        for (int at = 0; at < length; at += copy.capacity()) {
            int piece = Math.min(copy.capacity(), length - at);
            upper.read(from, at, copy, 0, piece);
            if (!copy.isZero(0, piece)) {
                lower.overwrite(to, at, copy, 0, piece);
            } else if (hasOldContent) {
                lower.punch(to, at, piece);
            }
        }
    }

    /** The last cluster of a raw disk may be cut off by the disk's end. */
    private int lengthOf(long page, int slot) {
        long cluster = page * Delta.PAGE_CLUSTERS - Delta.PAGE_SHIFT_CLUSTERS + slot;
        return (int) Math.min(clusterBytes, upper.geometry().diskSizeBytes() - cluster * clusterBytes);
    }
}
