package org.tidemark.ploop.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.DiskDescriptor;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.testing.Requires;

/**
 * A new image is byte for byte what {@code ploop init} makes. The tool believes it has a kernel module: a private mount
 * shows the one file it looks for, and a large environment keeps it from reading beyond its own.
 */
@Requires({"ploop", "unshare", "root"})
class PloopInitInteropIT {
    private static final String FAKE_KERNEL = "mount -t tmpfs none /sys/module && mkdir -p /sys/module/ploop/parameters"
            + " && echo 1 > /sys/module/ploop/parameters/large_disk_support && exec \"$@\"";

    private Path folder;

    @BeforeEach
    void makeFolder() throws Exception {
        folder = Programs.newFolder();
        Files.createDirectory(folder.resolve("theirs"));
        Files.createDirectory(folder.resolve("ours"));
    }

    @AfterEach
    void removeFolder() throws Exception {
        Programs.remove(folder);
    }

    @Test
    void ourImagesAreThoseOfPloopInit() throws Exception {
        long[] mebibytes = {16, 64, 504, 505, 1000, 8191, 8192, 20_001};
        int[] clusterSectors = {2048, 64, 2048, 512, 128, 2048, 128, 2048};
        for (int i = 0; i < mebibytes.length; i++) {
            compare(mebibytes[i], clusterSectors[i]);
        }
    }

    private void compare(long mebibytes, int clusterSectors) throws Exception {
        Path theirs = Files.createDirectory(folder.resolve("theirs/" + mebibytes));
        Path ours = Files.createDirectory(folder.resolve("ours/" + mebibytes));
        Programs.Result result = Programs.run(
                theirs,
                Map.of("PADDING", "x".repeat(12_000)),
                List.of(
                        "unshare",
                        "-m",
                        "bash",
                        "-c",
                        FAKE_KERNEL,
                        "bash",
                        "/usr/sbin/ploop",
                        "init",
                        "-s",
                        mebibytes + "M",
                        "-b",
                        Integer.toString(clusterSectors),
                        "-v",
                        "2",
                        "-t",
                        "none",
                        "root.hdd"));
        assertThat(result.status()).as(result.output()).isZero();
        ChainFiles.create(new VfsImageDirectory(ours), "root.hdd", mebibytes << 20, clusterSectors * 512);
        assertThat(Files.mismatch(theirs.resolve("root.hdd"), ours.resolve("root.hdd")))
                .as("%d MiB, first byte that differs", mebibytes)
                .isEqualTo(-1);
        assertThat(withoutLayout(ours)).isEqualTo(withoutLayout(theirs));
        assertThat(DiskDescriptor.read(new VfsImageDirectory(theirs)).geometry().diskSizeBytes())
                .isEqualTo(mebibytes << 20);
    }

    private static String withoutLayout(Path image) throws Exception {
        return Files.readString(image.resolve(DiskDescriptor.FILE_NAME), StandardCharsets.UTF_8)
                .replaceFirst("<\\?xml[^>]*>", "")
                .replaceAll(">\\s+<", "><")
                .trim();
    }
}
