package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainLocks;
import org.tidemark.ploop.chain.ImageGrowth;
import org.tidemark.ploop.chain.ImageLayout;
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

    private static final Duration RESIZE_LIMIT = Duration.ofMinutes(5);

    private ImageResize() {}

    /** The size of the disk, and the file system that was made to fit. */
    public record Resized(long sizeBytes, Optional<FileSystemType> fileSystem) {}

    /** Makes the disk of an image at least that large, with what is in it, attached or not. */
    public static Resized grow(Map<String, String> environment, Path image, long sizeBytes, boolean withFileSystem)
            throws IOException {
        Optional<DataPlane> running = DataPlane.connectIfRunning(environment);
        if (running.isPresent()) {
            try (DataPlane plane = running.get()) {
                Optional<AttachedDevice> device = plane.find(image.toString());
                if (device.isPresent()) {
                    return growAttached(plane, device.get(), sizeBytes, withFileSystem);
                }
            }
        }
        long size = growDisk(image, sizeBytes);
        if (!withFileSystem) {
            return new Resized(size, Optional.empty());
        }
        try (DataPlane plane = DataPlane.connect(environment)) {
            return new Resized(size, growFileSystem(plane, image));
        }
    }

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

    /**
     * Makes the disk of an attached device at least that large, its partition, and its file system, which may be mounted.
     * Whoever uses it goes on; the next backup is an increment.
     *
     * @param withFileSystem whether the file system follows
     */
    public static Resized growAttached(DataPlane plane, AttachedDevice device, long sizeBytes, boolean withFileSystem)
            throws IOException {
        AttachedDevice grown = plane.client(device).resize(device.deviceId(), sizeBytes, RESIZE_LIMIT);
        Optional<FileSystemType> type = withFileSystem ? growFileSystem(grown) : Optional.empty();
        return new Resized(grown.sizeBytes(), type);
    }

    /** Makes the file system of an image that is not attached as large as there is room; empty when there is none. */
    public static Optional<FileSystemType> growFileSystem(DataPlane plane, Path image) throws IOException {
        AttachedDevice device = plane.attach(image, DataPlane.AttachOptions.FOR_ONE_JOB);
        try {
            return growFileSystem(device);
        } finally {
            plane.detachUnmounted(device, DETACH_LIMIT);
        }
    }

    /** Of the first partition, or the whole disk; mounted or not. */
    private static Optional<FileSystemType> growFileSystem(AttachedDevice device) throws IOException {
        Path block = Path.of(device.blockDevice());
        Optional<FileSystemType> type = FileSystemType.detect(block);
        if (type.isEmpty()) {
            return type;
        }
        List<Path> mounted = DataPlane.mountPoints(device);
        if (!mounted.isEmpty()) {
            type.get().growMounted(block, mounted.get(0));
            return type;
        }
        Path folder = Files.createTempDirectory("tidemark-resize");
        try {
            type.get().grow(block, folder);
        } finally {
            Files.delete(folder);
        }
        return type;
    }
}
