package org.tidemark.ploop.filesystem;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.Mounts;

/** The file systems a container image can have, and how each is made and checked. */
public enum FileSystemType {
    /** As {@code ploop init} makes it, with room to grow the group descriptors to 16 TiB. */
    EXT4("mkfs.ext4", List.of("-q", "-F", "-j", "-b4096", "-i16384", "-Elazy_itable_init=1,resize=4294967295")),
    XFS("mkfs.xfs", List.of("-q", "-f")),
    BTRFS("mkfs.btrfs", List.of("-q", "-f"));

    private static final Duration MKFS_LIMIT = Duration.ofMinutes(5);
    private static final Duration CHECK_LIMIT = Duration.ofMinutes(60);
    private static final Pattern MINIMUM = Pattern.compile("minimum size of the filesystem: (\\d+)");
    private static final long BIG_JOURNAL_FROM_BYTES = 2L << 30;

    private final String program;
    private final List<String> options;

    FileSystemType(String program, List<String> options) {
        this.program = program;
        this.options = options;
    }

    /** The name that mount uses. */
    public String mountName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** By its mount name; throws {@link IllegalArgumentException} that lists what there is. */
    public static FileSystemType byName(String name) {
        for (FileSystemType type : values()) {
            if (type.mountName().equals(name)) {
                return type;
            }
        }
        throw new IllegalArgumentException("'" + name + "' is not a file system we can make; use ext4, xfs or btrfs");
    }

    /** What lies on a block device, by its superblock; empty when it is none of these. */
    public static Optional<FileSystemType> detect(Path blockDevice) throws IOException {
        try (SeekableByteChannel channel = Files.newByteChannel(blockDevice)) {
            if (magic(channel, 0, 4).equals("XFSB")) {
                return Optional.of(XFS);
            }
            if (magic(channel, 1080, 2).equals("S\u00ef")) {
                return Optional.of(EXT4);
            }
            if (magic(channel, 65600, 8).equals("_BHRfS_M")) {
                return Optional.of(BTRFS);
            }
            return Optional.empty();
        }
    }

    private static String magic(SeekableByteChannel channel, long position, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length);
        channel.position(position);
        while (buffer.hasRemaining() && channel.read(buffer) >= 0) {
            // A short read is continued; the end of the device leaves zeros.
        }
        return new String(buffer.array(), StandardCharsets.ISO_8859_1);
    }

    /** Makes an empty file system on a block device. Everything on it is lost. */
    public void make(Path blockDevice, long sizeBytes) throws IOException {
        List<String> arguments = new ArrayList<>(options);
        if (this == EXT4) {
            arguments.add(sizeBytes >= BIG_JOURNAL_FROM_BYTES ? "-Jsize=128" : "-Jsize=16");
        }
        arguments.add(blockDevice.toString());
        ExternalCommand.runOk(MKFS_LIMIT, program, arguments);
        if (this == EXT4) {
            ExternalCommand.runOk(
                    MKFS_LIMIT,
                    "tune2fs",
                    List.of("-ouser_xattr,acl", "-c0", "-i0", "-eremount-ro", blockDevice.toString()));
        }
    }

    /**
     * Makes an unmounted file system as large as its device; nothing happens when it is.
     *
     * @param folder an existing empty folder: xfs and btrfs are mounted there meanwhile
     */
    public void grow(Path blockDevice, Path folder) throws IOException {
        if (this == EXT4) {
            checkExt4(blockDevice);
            ExternalCommand.runOk(CHECK_LIMIT, "resize2fs", List.of(blockDevice.toString()));
            return;
        }
        Mounts.mount(blockDevice.toString(), folder, mountName(), Mounts.NO_DEV | Mounts.NO_SUID, null);
        try {
            if (this == XFS) {
                ExternalCommand.runOk(CHECK_LIMIT, "xfs_growfs", List.of(folder.toString()));
            } else {
                ExternalCommand.runOk(CHECK_LIMIT, "btrfs", List.of("filesystem", "resize", "max", folder.toString()));
            }
        } finally {
            Mounts.unmount(folder);
        }
    }

    /**
     * Makes a mounted file system as large as its device, while it is used; nothing happens when it is.
     *
     * @throws OnlineGrowthRefusedException when this kernel or this process may not do it: then it is done while the file
     *     system is not mounted
     */
    public void growMounted(Path blockDevice, Path mountPoint) throws IOException {
        switch (this) {
            case EXT4 -> growMountedExt4(blockDevice);
            case XFS -> ExternalCommand.runOk(CHECK_LIMIT, "xfs_growfs", List.of(mountPoint.toString()));
            case BTRFS ->
                ExternalCommand.runOk(
                        CHECK_LIMIT, "btrfs", List.of("filesystem", "resize", "max", mountPoint.toString()));
        }
    }

    private static void growMountedExt4(Path blockDevice) throws IOException {
        ExternalCommand.Result result = ExternalCommand.run(CHECK_LIMIT, "resize2fs", List.of(blockDevice.toString()));
        if (result.exitCode() == 0) {
            return;
        }
        String words = result.output().strip();
        Optional<String> refusal = words.lines()
                .filter(line -> line.contains("Permission denied") || line.contains("not support online resizing"))
                .findFirst();
        if (refusal.isPresent()) {
            throw new OnlineGrowthRefusedException(blockDevice
                    + ": the disk is larger now, but a mounted ext4 grows only with CAP_SYS_RESOURCE and"
                    + " resize_inode (" + refusal.get().strip() + "). Unmount it and run the same command again");
        }
        throw new IOException(blockDevice + ": its file system was not made larger, resize2fs says: " + words);
    }

    /**
     * How small an unmounted file system can be made, in bytes, by the estimate of its own tool. It is checked before, and
     * mended where that needs no decision.
     *
     * @throws ImageException UNSUPPORTED for a file system that cannot become smaller, with the reason
     */
    public long minimumBytes(Path blockDevice) throws IOException {
        if (this != EXT4) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    blockDevice + ": its file system is " + mountName()
                            + (this == XFS
                                    ? ", which can never become smaller"
                                    : ", which becomes smaller only while it is mounted, by 'btrfs filesystem resize'")
                            + "; make a smaller image and copy the files ('tidemark image create --from')");
        }
        checkExt4(blockDevice);
        String output = ExternalCommand.runOk(CHECK_LIMIT, "resize2fs", List.of("-P", blockDevice.toString()));
        Matcher matcher = MINIMUM.matcher(output);
        if (!matcher.find()) {
            throw new IOException(blockDevice + ": resize2fs does not tell the minimum size, but: " + output.strip());
        }
        return Math.multiplyExact(Long.parseLong(matcher.group(1)), blockBytes(blockDevice));
    }

    /** Makes an unmounted, checked file system that small, or as large as that when it is smaller. See {@link #minimumBytes}. */
    public void setSize(Path blockDevice, long sizeBytes) throws IOException {
        ExternalCommand.runOk(CHECK_LIMIT, "resize2fs", List.of(blockDevice.toString(), sizeBytes / 512 + "s"));
    }

    private static long blockBytes(Path blockDevice) throws IOException {
        try (SeekableByteChannel channel = Files.newByteChannel(blockDevice)) {
            byte[] log = magic(channel, 1024 + 24, 1).getBytes(StandardCharsets.ISO_8859_1);
            return 1024L << log[0];
        }
    }

    private static void checkExt4(Path blockDevice) throws IOException {
        // Exit code 1: something was mended. resize2fs wants to see a check.
        ExternalCommand.Result check =
                ExternalCommand.run(CHECK_LIMIT, "e2fsck", List.of("-f", "-p", blockDevice.toString()));
        if (check.exitCode() > 1) {
            throw new IOException(blockDevice + ": the size of its file system was not changed, e2fsck says: "
                    + check.output().strip());
        }
    }

    /** Checks an unmounted file system without changing it; the words of the tool when it found something, else empty. */
    public String check(Path blockDevice) throws IOException {
        ExternalCommand.Result result =
                switch (this) {
                    case EXT4 -> ExternalCommand.run(CHECK_LIMIT, "e2fsck", List.of("-fn", blockDevice.toString()));
                    case XFS -> ExternalCommand.run(CHECK_LIMIT, "xfs_repair", List.of("-n", blockDevice.toString()));
                    case BTRFS ->
                        ExternalCommand.run(
                                CHECK_LIMIT, "btrfs", List.of("check", "--readonly", blockDevice.toString()));
                };
        return result.exitCode() == 0 ? "" : result.output().strip();
    }
}
