package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.OwnerRecord;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.filesystem.ExternalCommand;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.partition.Ext4Summary;
import org.tidemark.ploop.partition.GuidPartitionTable;

/**
 * The hidden file in the root of an OpenVZ container's file system. What it has, the container has not: filling it makes a
 * container smaller while it runs, and what it holds takes no room in the image.
 */
public final class BalloonFile {
    private static final Duration TRIM_LIMIT = Duration.ofMinutes(30);

    private BalloonFile() {}

    /** Makes an empty one in a mounted file system, unless there is one. */
    public static void make(Path root) throws IOException {
        Path file = root.resolve(Ext4Summary.BALLOON_FILE);
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        }
    }

    /** Its size in a mounted file system, 0 when there is none. */
    public static long sizeIn(Path root) throws IOException {
        Path file = root.resolve(Ext4Summary.BALLOON_FILE);
        return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) ? Files.size(file) : 0;
    }

    /** Its size in an image, as it is on the disk; 0 when there is none. */
    public static long sizeOf(Path image) throws IOException {
        try (AttachedImage disk = AttachedImage.open(
                AttachedImage.filesOf(image),
                AttachedImage.Use.READ_ONLY,
                StateArea.inMemory(),
                () -> {},
                false,
                OwnerRecord.ofCommand(),
                UUID::randomUUID)) {
            long offset = GuidPartitionTable.read(disk)
                    .flatMap(table -> table.partitions().stream().findFirst())
                    .map(one -> one.offsetBytes())
                    .orElse(0L);
            Long bytes = Ext4Summary.read(disk, offset)
                    .map(Ext4Summary::balloonBytes)
                    .orElse(null);
            return bytes == null ? 0 : bytes;
        }
    }

    /**
     * Makes it that large. What the file system has free is given back to the image first, so the blocks that the balloon
     * takes have no clusters; nothing is ever written to them. Durable on return.
     *
     * @throws IOException ENOSPC (as {@code OsException}) when the file system has not so much free; it is as large as before
     */
    public static void set(Path root, long sizeBytes) throws IOException {
        make(root);
        Path file = root.resolve(Ext4Summary.BALLOON_FILE);
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new NoSuchFileException(file + ": is no plain file");
        }
        long before = Files.size(file);
        if (sizeBytes > before) {
            giveBack(root);
        }
        try (NativeFile balloon = NativeFile.open(file, NativeFile.READ_WRITE, 0)) {
            if (sizeBytes > before) {
                try {
                    balloon.allocate(before, sizeBytes - before);
                } catch (IOException e) {
                    balloon.truncate(before);
                    throw e;
                }
            }
            balloon.truncate(sizeBytes);
            balloon.fsync();
        }
    }

    /** Tells the device what the file system has free: those clusters leave the image. */
    public static void giveBack(Path root) throws IOException {
        ExternalCommand.runOk(TRIM_LIMIT, "fstrim", List.of(root.toString()));
    }
}
