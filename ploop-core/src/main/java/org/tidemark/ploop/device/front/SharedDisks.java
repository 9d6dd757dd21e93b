package org.tidemark.ploop.device.front;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The disks below the images of one server. Partitions of a disk are that disk; of what has no disk, each file system is one. */
public final class SharedDisks {
    private final Map<String, SharedDisk> disks = new ConcurrentHashMap<>();

    /** The disk that a file or folder lies on, which must exist. */
    public SharedDisk of(Path image) throws IOException {
        return disks.computeIfAbsent(nameOf(image), name -> new SharedDisk());
    }

    static String nameOf(Path image) throws IOException {
        // As makedev(3) packs them.
        long device = (long) Files.getAttribute(image, "unix:dev");
        long major = (device >>> 8 & 0xFFF) | (device >>> 32 & ~0xFFFL);
        long minor = (device & 0xFF) | (device >>> 12 & ~0xFFL);
        Path block = Path.of("/sys/dev/block/" + major + ":" + minor);
        if (!Files.exists(block)) {
            return major + ":" + minor;
        }
        Path real = block.toRealPath();
        return (Files.exists(real.resolve("partition")) ? real.resolve("..").normalize() : real).toString();
    }
}
