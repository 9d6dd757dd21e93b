package org.tidemark.ploop.os;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * mount(2), umount(2) and the mount table of this process. Nothing here calls stat on a mount point: on a FUSE mount whose
 * server is gone that would hang.
 */
public final class Mounts {
    public static final long READ_ONLY = 1;
    public static final long NO_SUID = 2;
    public static final long NO_DEV = 4;
    public static final long NO_EXEC = 8;
    public static final long NO_ATIME = 1024;

    private static final int FORCE = 1;
    private static final int DETACH = 2;
    private static final int NO_FOLLOW = 8;
    private static final long TMPFS_MAGIC = 0x01021994L;
    private static final int STATFS_BYTES = 120;
    private static final int STATFS_BLOCK_SIZE = 8;
    private static final int STATFS_BLOCKS = 16;
    private static final int STATFS_BLOCKS_FREE = 24;
    private static final int STATFS_FILES = 40;
    private static final int STATFS_FILES_FREE = 48;
    private static final int STATFS_FLAGS = 80;
    private static final Path TABLE = Path.of("/proc/self/mountinfo");

    private Mounts() {}

    /** mount(2). {@code data} holds the file system's own options. */
    public static void mount(String source, Path target, String type, long flags, @Nullable String data)
            throws IOException {
        ByteBuffer options = data == null ? null : NativeFile.cString(data);
        long address = options == null ? 0 : NativeMemory.address(options);
        int result = LibC.C.mount(source, target.toString(), type, flags, address);
        int errno = result != 0 ? LibC.errno() : 0;
        Reference.reachabilityFence(options);
        if (result != 0) {
            throw new OsException("mount of " + source + " (" + type + ")", target.toString(), errno);
        }
    }

    /** Unmounts; EBUSY while anything in it is in use. */
    public static void unmount(Path target) throws IOException {
        unmount(target, NO_FOLLOW);
    }

    /** Takes the mount out of the tree now; it ends when its last user does. For mounts whose server is dead. */
    public static void unmountLazily(Path target) throws IOException {
        unmount(target, NO_FOLLOW | DETACH);
    }

    /**
     * The same for a FUSE mount whose server may not answer: the kernel first fails every request, under way or later, with
     * ECONNABORTED. Asks the server nothing and waits for nobody.
     */
    public static void abort(Path target) throws IOException {
        unmount(target, NO_FOLLOW | FORCE | DETACH);
    }

    private static void unmount(Path target, int flags) throws IOException {
        if (LibC.C.umount2(target.toString(), flags) != 0) {
            throw new OsException("unmount", target.toString(), LibC.errno());
        }
    }

    /** The mount table, in the order in which things were mounted. */
    public static List<MountEntry> table() throws IOException {
        return MountEntry.parseAll(Files.readString(TABLE, StandardCharsets.ISO_8859_1));
    }

    /** What is mounted exactly at {@code mountPoint} (the top one, when several are). */
    public static Optional<MountEntry> at(Path mountPoint) throws IOException {
        MountEntry found = null;
        for (MountEntry entry : table()) {
            if (entry.mountPoint().equals(mountPoint)) {
                found = entry;
            }
        }
        return Optional.ofNullable(found);
    }

    /** The mount that {@code path} (absolute, without links) lies in, found by names alone. */
    public static Optional<MountEntry> containing(Path path) throws IOException {
        return containing(path, table());
    }

    /** As {@link #containing(Path)}, in a table that was read before. */
    public static Optional<MountEntry> containing(Path path, List<MountEntry> table) {
        MountEntry best = null;
        for (MountEntry entry : table) {
            boolean inside = path.startsWith(entry.mountPoint());
            if (inside
                    && (best == null
                            || entry.mountPoint().getNameCount()
                                    >= best.mountPoint().getNameCount())) {
                best = entry;
            }
        }
        return Optional.ofNullable(best);
    }

    /** Whether the folder lies on tmpfs, by its file system's own answer. Not for FUSE paths. */
    public static boolean isTmpfs(Path folder) throws IOException {
        return statfs(folder).getLong(0) == TMPFS_MAGIC;
    }

    /** Whether programs (and native libraries) in this folder may be run. Not for FUSE paths. */
    public static boolean allowsExecution(Path folder) throws IOException {
        return (statfs(folder).getLong(STATFS_FLAGS) & NO_EXEC) == 0;
    }

    /**
     * What a file system has and what is left of it.
     *
     * @param inodes 0 when it has no fixed number
     */
    public record Space(long sizeBytes, long freeBytes, long inodes, long freeInodes) {}

    /** Of the file system that {@code folder} lies on, by its own answer. Not for FUSE paths. */
    public static Space space(Path folder) throws IOException {
        ByteBuffer answer = statfs(folder);
        long blockBytes = answer.getLong(STATFS_BLOCK_SIZE);
        return new Space(
                answer.getLong(STATFS_BLOCKS) * blockBytes,
                answer.getLong(STATFS_BLOCKS_FREE) * blockBytes,
                answer.getLong(STATFS_FILES),
                answer.getLong(STATFS_FILES_FREE));
    }

    private static ByteBuffer statfs(Path folder) throws IOException {
        ByteBuffer structure = ByteBuffer.allocateDirect(STATFS_BYTES).order(ByteOrder.nativeOrder());
        int result = LibC.C.statfs(folder.toString(), NativeMemory.address(structure));
        int errno = result != 0 ? LibC.errno() : 0;
        Reference.reachabilityFence(structure);
        if (result != 0) {
            throw new OsException("statfs", folder.toString(), errno);
        }
        return structure;
    }
}
