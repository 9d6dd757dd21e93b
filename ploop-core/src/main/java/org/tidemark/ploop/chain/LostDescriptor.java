package org.tidemark.ploop.chain;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.Formats;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedHeader;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/**
 * Makes a new {@code DiskDescriptor.xml} for the base of an image that has lost its own. Snapshots above it cannot be brought
 * back: nothing in their files tells what they stand on.
 */
public final class LostDescriptor {
    private static final int LARGEST_CLUSTER_BYTES = 1 << 20;
    private static final int SMALLEST_CLUSTER_BYTES = 32 << 10;

    private LostDescriptor() {}

    /**
     * The cluster size of a chain on a raw disk: the largest power of two from 32 KiB to 1 MiB of which the disk has a whole
     * number; 0 when there is none.
     */
    static int clusterBytesOf(long rawBytes) {
        for (int bytes = LARGEST_CLUSTER_BYTES; bytes >= SMALLEST_CLUSTER_BYTES; bytes /= 2) {
            if (rawBytes > 0 && rawBytes % bytes == 0) {
                return bytes;
            }
        }
        return 0;
    }

    /**
     * Writes the descriptor into {@code folder}, which holds {@code delta}; durable on return.
     *
     * @param format {@code expanded} or {@code raw}; null to find out from the file
     * @param rawClusterBytes of a chain on a raw disk; 0 for the largest that fits
     * @throws FileAlreadyExistsException when there is a descriptor
     * @throws ImageException INVALID_REQUEST when the file does not lie in the folder, UNSUPPORTED when it can be no base,
     *     IN_USE when somebody has it open
     */
    public static ChainFiles restore(Path folder, Path delta, @Nullable String format, int rawClusterBytes)
            throws IOException {
        VfsImageDirectory directory = new VfsImageDirectory(folder);
        if (directory.exists(DiskDescriptor.FILE_NAME)) {
            throw new FileAlreadyExistsException(
                    folder.resolve(DiskDescriptor.FILE_NAME) + " exists already; move it away first");
        }
        Path there = delta.toAbsolutePath().getParent();
        if (there == null || !Files.isSameFile(there, folder)) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    delta + ": must lie in " + folder + ", where the descriptor goes");
        }
        String file = String.valueOf(delta.getFileName());
        try (ImageLock lock = directory.lock(file, true);
                ImageIo io = directory.open(file, OpenMode.READ_ONLY)) {
            String formatId = format == null ? Formats.recognise(io).id() : format;
            DeltaGeometry geometry = geometryOf(io, formatId, rawClusterBytes);
            DiskDescriptor.ofChain(
                            folder + "/" + DiskDescriptor.FILE_NAME,
                            geometry,
                            List.of(new DiskDescriptor.Image(Guid.TOP, formatId, file)))
                    .store(directory);
        }
        return ChainFiles.in((ImageDirectory) directory);
    }

    private static DeltaGeometry geometryOf(ImageIo io, String formatId, int rawClusterBytes) throws IOException {
        switch (formatId) {
            case ExpandedFormat.ID:
                ExpandedHeader header = ExpandedFormat.readHeader(io);
                return header.geometry();
            case RawFormat.ID:
                int clusterBytes = rawClusterBytes == 0 ? clusterBytesOf(io.size()) : rawClusterBytes;
                if (clusterBytes == 0 || io.size() % clusterBytes != 0) {
                    throw new ImageException(
                            ImageException.Kind.UNSUPPORTED,
                            io.name() + ": a raw disk of " + io.size() + " bytes has no whole number of clusters of "
                                    + (clusterBytes == 0 ? SMALLEST_CLUSTER_BYTES : clusterBytes)
                                    + " bytes; make it a little larger with 'tidemark image resize'");
                }
                return new DeltaGeometry(io.size(), clusterBytes);
            default:
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        io.name() + ": a " + formatId + " file does not stand in a descriptor");
        }
    }
}
