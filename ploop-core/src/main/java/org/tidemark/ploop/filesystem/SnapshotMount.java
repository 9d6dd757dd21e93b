package org.tidemark.ploop.filesystem;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.Mounts;

/**
 * Mounts the file system of a snapshot beside its origin: read-only, although its journal may be replayed, so the block
 * device must be one that may be written to and is thrown away afterwards. Both file systems have the same identity:
 *
 * <ul>
 *   <li>ext4 does not care
 *   <li>xfs refuses a second one; {@code nouuid} lets it in
 *   <li>btrfs finds its devices by identity and would take one for the other: refused while the origin is mounted
 * </ul>
 */
public final class SnapshotMount {
    private static final long BTRFS_UUID_AT = 65536 + 32;
    private static final int UUID_BYTES = 16;
    private static final Path BTRFS_MOUNTED = Path.of("/sys/fs/btrfs");

    private SnapshotMount() {}

    /**
     * Mounts it.
     *
     * @param folder an existing folder
     * @throws ImageException UNSUPPORTED without a known file system; IN_USE for btrfs beside its origin
     */
    public static void mount(Path blockDevice, Path folder) throws IOException {
        FileSystemType type = FileSystemType.detect(blockDevice)
                .orElseThrow(() -> new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        blockDevice + ": holds no ext4, xfs or btrfs; nothing can be mounted"));
        if (type == FileSystemType.BTRFS) {
            requireOnlyOne(blockDevice);
        }
        String options = type == FileSystemType.XFS ? "nouuid" : null;
        Mounts.mount(blockDevice.toString(), folder.toRealPath(), type.mountName(), Mounts.READ_ONLY, options);
    }

    /** The kernel lists the btrfs file systems that are mounted by their identity. */
    private static void requireOnlyOne(Path blockDevice) throws IOException {
        UUID identity = btrfsIdentity(blockDevice);
        if (Files.exists(BTRFS_MOUNTED.resolve(identity.toString()))) {
            throw new ImageException(
                    ImageException.Kind.IN_USE,
                    blockDevice + ": the btrfs file system " + identity + " is mounted already, as the origin or as"
                            + " another snapshot of it, and the kernel would take one for the other; unmount that"
                            + " first");
        }
    }

    private static UUID btrfsIdentity(Path blockDevice) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(UUID_BYTES);
        try (SeekableByteChannel channel = Files.newByteChannel(blockDevice)) {
            channel.position(BTRFS_UUID_AT);
            while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
                // A short read is continued.
            }
        }
        return new UUID(bytes.getLong(0), bytes.getLong(8));
    }
}
