package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import org.tidemark.ploop.chain.DiskDescriptor.Image;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.Formats;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Makes the disk of an image smaller; the image is not attached and has no snapshots: those keep the size they were made with,
 * and no level may be larger than the one above it. What lies behind the new end is lost, so file system and partition table
 * were made smaller before.
 *
 * <pre>
 *   intent | the file gets the new size | descriptor replaced = COMMIT | intent gone
 * </pre>
 *
 * A crash leaves what one of {@link ImageGrowth} leaves: the old disk, or one whose descriptor follows.
 */
public final class ImageShrink {
    private ImageShrink() {}

    /**
     * The size that a disk gets for a wanted one: whole clusters.
     *
     * @throws ImageException INVALID_REQUEST for one that is not smaller, UNSUPPORTED for an image with snapshots, or of a format
     *     that cannot become smaller
     */
    public static long sizeFor(ChainFiles files, DeltaGeometry present, long wantedBytes) throws ImageException {
        requireOneLevel(files);
        if (files.top().formatId().equals(Qcow2Format.ID)) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    files.name() + ": the disk of a qcow2 image cannot be made smaller; convert it first");
        }
        int step = present.clusterSizeBytes();
        if (wantedBytes <= 0 || wantedBytes > present.diskSizeBytes()) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    files.name() + ": a disk of " + present.diskSizeBytes() + " bytes cannot be made smaller to "
                            + wantedBytes);
        }
        return Math.min(present.diskSizeBytes(), (wantedBytes + step - 1) / step * step);
    }

    private static void requireOneLevel(ChainFiles files) throws ImageException {
        int levels = files.descriptor()
                .map(descriptor -> descriptor.images().size())
                .orElse(files.links().size());
        if (levels > 1) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    files.name() + ": has " + (levels - 1)
                            + " snapshots, which keep their size; a disk above them cannot"
                            + " become smaller. Delete or merge them first ('tidemark snapshot merge --all')");
        }
    }

    /**
     * Cuts the disk to {@code sizeBytes}, whole clusters. Durable on return.
     *
     * @throws ImageException also IN_USE for an image that somebody has open, NOT_CLOSED, READ_ONLY for one whose file
     *     belongs to other images too
     */
    public static void run(ChainFiles files, long sizeBytes) throws IOException {
        requireOneLevel(files);
        if (files.descriptor().isEmpty()) {
            try (ChainLocks locks = ChainLocks.take(files, true)) {
                cut(files.directory(), files.top().fileName(), files.top().formatId(), sizeBytes, 0);
            }
            return;
        }
        ImageDirectory folder = files.directory();
        try (Closeable tree = ChainSteps.lockTree(folder);
                ChainLocks locks = ChainLocks.take(files, true)) {
            ChainSteps.suspend(folder);
            DiskDescriptor descriptor = DiskDescriptor.read(folder);
            Image top = descriptor.imageOf(descriptor.requireShot(descriptor.topGuid()));
            ChainIntent.resize(sizeBytes).write(folder);
            try {
                cut(
                        folder,
                        ChainSteps.plainFile(folder, top),
                        top.formatId(),
                        sizeBytes,
                        descriptor.geometry().clusterSizeBytes());
            } catch (ImageException e) {
                ChainSteps.suspend(folder);
                throw e;
            }
            ChainSteps.commit(folder, descriptor.withDiskSize(sizeBytes));
        }
    }

    private static void cut(ImageDirectory folder, String file, String formatId, long sizeBytes, int cluster)
            throws IOException {
        try (ImageIo io = folder.open(file, OpenMode.READ_WRITE)) {
            int step = cluster == 0 ? ImageGrowth.stepOf(io, formatId) : cluster;
            Formats.byId(formatId).shrink(io, new DeltaGeometry(sizeBytes, step));
        }
    }
}
