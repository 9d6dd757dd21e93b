package org.tidemark.ploop.chain;

import java.io.IOException;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;

/** Writes what an overlay holds to the disk of an image. For one thread. */
final class OverlayCopy {
    /** What a file system gives a raw file at a time. */
    private static final int FILE_BLOCK_BYTES = 4096;

    private static final int COMPARED_BYTES = 1 << 20;

    /** For tables and what a file system keeps about its files. */
    private static final long TABLE_BYTES = 1 << 20;

    private final Delta changes;
    private final AttachedImage image;
    private final AlignedBuffer data;

    /**
     * Throws DAMAGED when the two disks have different sizes.
     *
     * @param changes the overlay, whose own clusters are meant
     */
    OverlayCopy(Delta changes, AttachedImage image) throws IOException {
        this.changes = changes;
        this.image = image;
        this.data = AlignedBuffer.allocate(changes.geometry().clusterSizeBytes());
        if (changes.geometry().diskSizeBytes() != image.sizeBytes()) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    changes.name() + ": is of a disk of " + changes.geometry().diskSizeBytes()
                            + " bytes, but the image's has " + image.sizeBytes());
        }
    }

    @FunctionalInterface
    private interface Visitor {
        /** {@link #data} holds the cluster. */
        void cluster(long offsetBytes, int lengthBytes) throws IOException;
    }

    private void visit(Visitor visitor) throws IOException {
        int cluster = changes.geometry().clusterSizeBytes();
        long diskBytes = image.sizeBytes();
        AlignedBuffer page = AlignedBuffer.allocate(Delta.PAGE_BYTES);
        for (long first = -Delta.PAGE_SHIFT_CLUSTERS; first * cluster < diskBytes; first += Delta.PAGE_CLUSTERS) {
            changes.readMapPage((first + Delta.PAGE_SHIFT_CLUSTERS) / Delta.PAGE_CLUSTERS, page, 0);
            for (int slot = 0; slot < Delta.PAGE_CLUSTERS; slot++) {
                int physical = page.getInt(slot * 4);
                long offset = (first + slot) * cluster;
                if (physical != Delta.NOT_ALLOCATED) {
                    int length = (int) Math.min(cluster, diskBytes - offset);
                    changes.read(physical, 0, data, 0, length);
                    visitor.cluster(offset, length);
                }
            }
        }
    }

    /** Not durable before the image is flushed. */
    void write() throws IOException {
        visit((offset, length) -> {
            if (data.isZero(0, length)) {
                image.writeZeroes(offset, length);
            } else {
                image.write(offset, data, 0, length);
            }
        });
    }

    /**
     * By how much the image's file may grow: by what is written where it holds nothing but zeros, or nothing at all.
     *
     * @param formatId of the file
     */
    long neededBytes(String formatId) throws IOException {
        Delta top = image.device().deltas().get(image.device().deltas().size() - 1);
        int unit = formatId.equals(RawFormat.ID)
                ? FILE_BLOCK_BYTES
                : top.geometry().clusterSizeBytes();
        AlignedBuffer present = AlignedBuffer.allocate(COMPARED_BYTES);
        long[] needed = {TABLE_BYTES, -1};
        visit((offset, length) -> {
            for (long index = offset / unit; index * unit < offset + length; index++) {
                int from = (int) Math.max(0, index * unit - offset);
                int until = (int) Math.min(length, (index + 1) * unit - offset);
                if (index != needed[1] && !data.isZero(from, until - from)) {
                    needed[1] = index;
                    needed[0] += isZero(index * unit, unit, present) ? unit : 0;
                }
            }
        });
        return needed[0];
    }

    private boolean isZero(long offset, int unit, AlignedBuffer present) throws IOException {
        long end = Math.min(offset + unit, image.sizeBytes());
        for (long at = offset; at < end; at += COMPARED_BYTES) {
            int length = (int) Math.min(COMPARED_BYTES, end - at);
            image.read(at, present, 0, length);
            if (!present.isZero(0, length)) {
                return false;
            }
        }
        return true;
    }
}
