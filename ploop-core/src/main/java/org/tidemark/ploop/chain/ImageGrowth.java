package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.chain.DiskDescriptor.Image;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.Formats;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.StoredBitmap;
import org.tidemark.ploop.format.expanded.StoredBitmaps;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Makes the disk of an image larger; the image is not attached. Only the top changes: the levels below it are of a smaller
 * disk and hold nothing behind its end.
 *
 * <pre>
 *   intent | the top's file gets the new size | descriptor replaced = COMMIT | intent gone
 * </pre>
 *
 * Bitmaps of changes in a format extension are put back into the larger file before the commit; a crash loses them. A crash before the top has its size leaves the old image, with space that belongs to nothing; after it, {@link
 * ChainSteps#finishGrowth} replaces the descriptor at the next operation or attach.
 */
public final class ImageGrowth {
    /** Of a single raw file: as other tools do. */
    static final int RAW_STEP_BYTES = 4096;

    private ImageGrowth() {}

    /**
     * Makes the disk at least {@code sizeBytes} large: rounded up to whole clusters. Does nothing when it has that size.
     * Durable on return, which is the size.
     *
     * @throws ImageException INVALID_REQUEST for a smaller size, IN_USE for an image that somebody has open, NOT_CLOSED,
     *     READ_ONLY for one whose file belongs to other images too
     */
    public static long run(ChainFiles files, long sizeBytes) throws IOException {
        if (sizeBytes <= 0 || sizeBytes > Long.MAX_VALUE - (64 << 20)) {
            throw impossible(files, sizeBytes);
        }
        if (files.descriptor().isEmpty()) {
            try (ChainLocks locks = ChainLocks.take(files, true)) {
                return growFile(
                        files.top().directory(),
                        files.top().fileName(),
                        files.top().formatId(),
                        0,
                        sizeBytes);
            }
        }
        ImageDirectory folder = files.directory();
        try (Closeable tree = ChainSteps.lockTree(folder);
                ChainLocks locks = ChainLocks.take(files, true)) {
            ChainSteps.suspend(folder);
            DiskDescriptor descriptor = DiskDescriptor.read(folder);
            Image top = descriptor.imageOf(descriptor.requireShot(descriptor.topGuid()));
            int cluster = descriptor.geometry().clusterSizeBytes();
            long rounded = (sizeBytes + cluster - 1) / cluster * cluster;
            if (rounded < descriptor.geometry().diskSizeBytes()) {
                throw smaller(files, descriptor.geometry().diskSizeBytes());
            }
            ChainIntent.resize(rounded).write(folder);
            try {
                growFile(folder, ChainSteps.plainFile(folder, top), top.formatId(), cluster, rounded);
            } catch (ImageException e) {
                ChainSteps.suspend(folder);
                throw e;
            }
            ChainSteps.commit(folder, descriptor.withDiskSize(rounded));
            return rounded;
        }
    }

    /** Of a single file. */
    static int stepOf(ImageIo io, String formatId) throws IOException {
        return formatId.equals(ExpandedFormat.ID)
                ? ExpandedFormat.readHeader(io).clusterSizeBytes()
                : RAW_STEP_BYTES;
    }

    static ImageException impossible(ChainFiles files, long sizeBytes) {
        return new ImageException(
                ImageException.Kind.INVALID_REQUEST, files.name() + ": no disk has " + sizeBytes + " bytes");
    }

    static ImageException smaller(ChainFiles files, long presentBytes) {
        return new ImageException(
                ImageException.Kind.INVALID_REQUEST,
                files.name() + ": has " + presentBytes + " bytes; its disk can only be made larger");
    }

    private static long growFile(ImageDirectory folder, String file, String formatId, int cluster, long sizeBytes)
            throws IOException {
        try (ImageIo io = folder.open(file, OpenMode.READ_WRITE)) {
            int step = cluster == 0 ? stepOf(io, formatId) : cluster;
            long rounded = (sizeBytes + step - 1) / step * step;
            List<StoredBitmap> bitmaps = formatId.equals(ExpandedFormat.ID) ? StoredBitmaps.read(io) : List.of();
            Formats.byId(formatId).grow(io, new DeltaGeometry(rounded, step));
            ExtensionBitmaps.restoreInLarger(io, bitmaps);
            return rounded;
        }
    }
}
