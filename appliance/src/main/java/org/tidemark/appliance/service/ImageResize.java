package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainLocks;
import org.tidemark.ploop.chain.ImageGrowth;
import org.tidemark.ploop.chain.OwnerRecord;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.filesystem.FileSystemType;
import org.tidemark.ploop.partition.GuidPartitionTable;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;

/**
 * Makes a container's disk, and with it its quota, larger: the image, then the partition, then the file system. Each step is
 * whole by itself and does nothing when it was done before: after a crash the same command goes on.
 */
public final class ImageResize {
    private static final Duration DETACH_LIMIT = Duration.ofSeconds(30);

    private ImageResize() {}

    /** Makes the disk of an image that is not attached at least that large, and its partition; returns the size. */
    public static long growDisk(Path image, long sizeBytes) throws IOException {
        long size = ImageGrowth.run(AttachedImage.filesOf(image), sizeBytes);
        ChainFiles files = AttachedImage.filesOf(image);
        int cluster = ImageLayout.of(files).clusterBytes();
        try (AttachedImage disk = AttachedImage.open(
                files,
                AttachedImage.Use.READ_WRITE,
                StateArea.inMemory(),
                ChainLocks.take(files, true),
                false,
                OwnerRecord.ofCommand(),
                UUID::randomUUID)) {
            Optional<GuidPartitionTable> table = GuidPartitionTable.read(disk);
            if (table.isPresent()) {
                // Also when no partition changes: the second table belongs at the new end of the disk.
                table.get().grownTo(size, cluster).write(disk);
                disk.flush();
            }
        }
        return size;
    }

    /** Makes the file system of the first partition, or of the whole disk, as large as there is room; empty when there is none. */
    public static Optional<FileSystemType> growFileSystem(DataPlane plane, Path image) throws IOException {
        AttachedDevice device = plane.attach(image, DataPlane.AttachOptions.FOR_ONE_JOB);
        try {
            Path block = Path.of(device.blockDevice());
            Optional<FileSystemType> type = FileSystemType.detect(block);
            if (type.isPresent()) {
                Path folder = Files.createTempDirectory("tidemark-resize");
                try {
                    type.get().grow(block, folder);
                } finally {
                    Files.delete(folder);
                }
            }
            return type;
        } finally {
            plane.client().detach(device.deviceId(), DETACH_LIMIT);
        }
    }
}
