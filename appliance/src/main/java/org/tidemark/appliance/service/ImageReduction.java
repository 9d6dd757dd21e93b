package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainLocks;
import org.tidemark.ploop.chain.ImageShrink;
import org.tidemark.ploop.chain.OwnerRecord;
import org.tidemark.ploop.chain.TrialOverlay;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.filesystem.FileSystemType;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.partition.GuidPartitionTable;
import org.tidemark.ploop.partition.Partition;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.Fields;

/**
 * Makes a container's disk smaller: first the file system, then the partition, then the image. The image is not attached. Each
 * step is whole by itself, the first one because it is done in a {@link TrialOverlay}; after a crash the same command goes on. Only
 * ext4 can do it.
 */
public final class ImageReduction {
    /** On a full disk the tool fails, and the image is what it was; waiting would look as if it worked. */
    private static final DataPlane.AttachOptions FOR_ONE_JOB_UNTRACKED = new DataPlane.AttachOptions(
            null, false, false, false, true, new Fields(Map.of("untracked", true, "onFull", "error")));

    private static final Duration DETACH_LIMIT = Duration.ofSeconds(30);

    private final Map<String, String> environment;
    private final Path image;
    private final ChainFiles files;
    private final Layout layout;

    private ImageReduction(Map<String, String> environment, Path image) throws IOException {
        this.environment = environment;
        this.image = image;
        this.files = AttachedImage.filesOf(image);
        try (AttachedImage disk = open(AttachedImage.Use.READ_ONLY)) {
            Delta top = disk.device().deltas().get(disk.device().deltas().size() - 1);
            this.layout = new Layout(top.geometry(), GuidPartitionTable.read(disk));
        }
    }

    /** What the disk looks like before. */
    private record Layout(DeltaGeometry geometry, Optional<GuidPartitionTable> table) {
        private long fileSystemOffset() {
            return table.filter(one -> !one.partitions().isEmpty())
                    .map(one -> one.partitions().get(0).offsetBytes())
                    .orElse(0L);
        }

        /** The smallest disk for a file system of that size. */
        long diskFor(long fileSystemBytes) {
            int cluster = geometry.clusterSizeBytes();
            return fileSystemOffset() == 0
                    ? (fileSystemBytes + cluster - 1) / cluster * cluster
                    : GuidPartitionTable.diskFor(fileSystemOffset(), fileSystemBytes, cluster);
        }
    }

    /**
     * Makes the disk as small as that; rounded up to whole clusters.
     *
     * @return its size
     * @throws ApplianceException CONFLICT while the image is attached, USAGE when the data does not fit, with the minimum
     */
    public static long run(Map<String, String> environment, Path named, long wantedBytes) throws IOException {
        Path image = named.toRealPath();
        requireDetached(environment, image);
        TrialOverlay.finish(image);
        ImageReduction reduction = new ImageReduction(environment, image);
        long size = ImageShrink.sizeFor(reduction.files, reduction.layout.geometry(), wantedBytes);
        if (size < reduction.layout.geometry().diskSizeBytes()) {
            reduction.shrink(size);
        }
        return size;
    }

    /** How small {@link #run} could make it, by the estimate of the file system's own tool. */
    public static long minimum(Map<String, String> environment, Path named) throws IOException {
        Path image = named.toRealPath();
        requireDetached(environment, image);
        ImageReduction reduction = new ImageReduction(environment, image);
        ImageShrink.sizeFor(
                reduction.files,
                reduction.layout.geometry(),
                reduction.layout.geometry().diskSizeBytes());
        return reduction.onTrial(false, (type, block) -> reduction.layout.diskFor(type.minimumBytes(block)));
    }

    private static void requireDetached(Map<String, String> environment, Path image) throws IOException {
        Optional<DataPlane> running = DataPlane.connectIfRunning(environment);
        if (running.isPresent()) {
            try (DataPlane plane = running.get()) {
                if (plane.find(image.toString()).isPresent()) {
                    throw new ApplianceException(
                            FailureKind.CONFLICT,
                            image + ": is attached; a disk becomes smaller only while it is not. Detach it first");
                }
            }
        }
    }

    private void shrink(long size) throws IOException {
        int cluster = layout.geometry().clusterSizeBytes();
        Optional<GuidPartitionTable> table = Optional.empty();
        if (layout.table().isPresent()) {
            table = Optional.of(layout.table().get().shrunkTo(size, cluster, image.toString()));
        }
        long room = table.map(one -> one.partitions().get(0))
                .map(Partition::lengthBytes)
                .orElse(size);
        onTrial(true, (type, block) -> {
            long minimum = type.minimumBytes(block);
            if (minimum > room) {
                throw ApplianceException.usage(image + ": what is in it does not fit on a disk of " + size
                        + " bytes; the smallest possible disk has " + layout.diskFor(minimum) + " bytes");
            }
            try {
                type.setSize(block, room);
            } catch (IOException e) {
                throw new IOException(image + ": its disk is as large as it was, " + e.getMessage(), e);
            }
            return room;
        });
        try (AttachedImage disk = open(AttachedImage.Use.READ_WRITE)) {
            if (table.isPresent()) {
                table.get().write(disk, size);
            }
            disk.discard(size, disk.sizeBytes() - size);
            disk.flush();
            disk.device().moveAtClose(Long.MAX_VALUE);
        }
        ImageShrink.run(files, size);
    }

    private interface Work {
        long on(FileSystemType type, Path block) throws IOException;
    }

    /**
     * The file system's own tool leaves it in ruins when it is killed while it moves things together: it works on an overlay,
     * of which the image gets the whole, or nothing.
     */
    private long onTrial(boolean kept, Work work) throws IOException {
        try (TrialOverlay trial = TrialOverlay.begin(files)) {
            long result = onFileSystem(trial.path(), work);
            if (kept) {
                trial.accept();
            }
            return result;
        }
    }

    private long onFileSystem(Path overlay, Work work) throws IOException {
        try (DataPlane plane = DataPlane.connect(environment)) {
            AttachedDevice device = plane.attach(overlay, FOR_ONE_JOB_UNTRACKED);
            try {
                Path block = Path.of(device.blockDevice());
                FileSystemType type = FileSystemType.detect(block)
                        .orElseThrow(() -> new ApplianceException(
                                FailureKind.UNSUPPORTED,
                                image + ": holds no file system that is known, so nobody can tell what would be lost"));
                return work.on(type, block);
            } finally {
                plane.detachUnmounted(device, DETACH_LIMIT);
            }
        }
    }

    private AttachedImage open(AttachedImage.Use use) throws IOException {
        return AttachedImage.open(
                files,
                use,
                StateArea.inMemory(),
                ChainLocks.take(files, use != AttachedImage.Use.READ_ONLY),
                false,
                OwnerRecord.ofCommand(),
                UUID::randomUUID);
    }
}
