package org.tidemark.ploop.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.contract.ChainDisk;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.expanded.ExpandedHeader;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.testing.Requires;

/** The closed list of what the programs of others report wrongly, or miss. A new version of theirs may shorten it. */
@Requires({"qemu-img", "qemu-io", "ploop"})
class KnownFalseFindingsInteropIT {
    private Path folder;

    @TempDir
    Path onDisk;

    @BeforeEach
    void makeFolder() throws Exception {
        folder = Programs.newFolder();
    }

    @AfterEach
    void removeFolder() throws Exception {
        Programs.remove(folder);
    }

    private int ploop(Path where, String file) throws Exception {
        return Programs.run(where, "ploop", "check", "-f", "-c", "-r", file).status();
    }

    private int qemu(String file) throws Exception {
        return Programs.run(folder, "qemu-img", "check", "-f", "parallels", file)
                .status();
    }

    private ChainFiles filled(Path where) throws Exception {
        ChainFiles files = ChainFiles.create(new VfsImageDirectory(where), "root.hdd", 16 << 20, 65536);
        try (ChainDisk disk = ChainDisk.open(files, OpenIntent.WRITE)) {
            disk.write(0, TestBytes.filled(512, 1));
            disk.write(5 * 65536, TestBytes.filled(65536, 2));
        }
        return files;
    }

    private void word(Path file, int offset, int value) throws Exception {
        byte[] bytes = Files.readAllBytes(file);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(offset, value);
        Files.write(file, bytes);
    }

    @Test
    void ploopWantsTheEmptyFlagThatQemuNeverSets() throws Exception {
        Programs.ok(folder, "qemu-img", "create", "-f", "parallels", "theirs", "64M");
        Programs.Result result = Programs.run(folder, "ploop", "check", "-f", "-c", "-r", "theirs");
        assertThat(result.status()).isEqualTo(7);
        assertThat(result.output()).contains("CIF_Empty");
        assertThat(ChainCheck.run(ChainFiles.at(folder.resolve("theirs"), VfsImageDirectory::new))
                        .clean())
                .isTrue();
    }

    @Test
    void qemuCallsAnEmptyTableOfSeveralClustersLeaked() throws Exception {
        ChainFiles files = ChainFiles.create(new VfsImageDirectory(folder), "root.hdd", 8L << 30, 65536);
        assertThat(qemu("root.hdd")).isEqualTo(3);
        assertThat(ploop(folder, "root.hdd")).isZero();
        assertThat(ChainCheck.run(files).clean()).isTrue();
    }

    @Test
    void ploopCallsAFileWithHolesSparseOnExt4() throws Exception {
        Assumptions.assumeTrue(Files.getFileStore(onDisk).type().equals("ext4"), "the temporary folder is not on ext4");
        ChainFiles files = filled(onDisk);
        Programs.ok(onDisk, "fallocate", "--punch-hole", "--offset", "69632", "--length", "8192", "root.hdd");
        Programs.Result result = Programs.run(onDisk, "ploop", "check", "-f", "-c", "-r", "root.hdd");
        assertThat(result.status()).isEqualTo(11);
        assertThat(result.output()).contains("sparse");
        assertThat(ChainCheck.run(files).clean()).isTrue();
    }

    @Test
    void ploopTakesTheMarkOfTheExtensionForAnOpenImage() throws Exception {
        ChainFiles files = filled(folder);
        word(folder.resolve("root.hdd"), 44, ExpandedHeader.MARK_CLOSED_V21);
        assertThat(ploop(folder, "root.hdd")).isEqualTo(37);
        assertThat(qemu("root.hdd")).isZero();
        assertThat(ChainCheck.run(files).clean()).isTrue();
    }

    @Test
    void qemuMissesADuplicateEntry() throws Exception {
        ChainFiles files = filled(folder);
        word(folder.resolve("root.hdd"), 64 + 4 * 9, 2);
        assertThat(qemu("root.hdd")).isZero();
        assertThat(ploop(folder, "root.hdd")).isEqualTo(11);
        assertThat(ChainCheck.run(files).findings()).singleElement().isInstanceOf(Finding.DuplicateEntry.class);
    }

    @Test
    void qemuMissesAnEntryIntoTheTable() throws Exception {
        ChainFiles files = ChainFiles.create(new VfsImageDirectory(folder), "root.hdd", 1L << 30, 32768);
        try (ChainDisk disk = ChainDisk.open(files, OpenIntent.WRITE)) {
            disk.write(0, TestBytes.filled(512, 1));
        }
        word(folder.resolve("root.hdd"), 64 + 4 * 9, 1);
        assertThat(qemu("root.hdd")).isZero();
        assertThat(ploop(folder, "root.hdd")).isEqualTo(11);
        assertThat(ChainCheck.run(files).findings()).singleElement().isInstanceOf(Finding.EntryIntoTable.class);
    }

    @Test
    void ploopCallsAShortLastClusterBeyondTheEnd() throws Exception {
        ChainFiles files = filled(folder);
        byte[] bytes = Files.readAllBytes(folder.resolve("root.hdd"));
        Files.write(folder.resolve("root.hdd"), java.util.Arrays.copyOf(bytes, bytes.length - 1024));
        assertThat(ploop(folder, "root.hdd")).isEqualTo(11);
        assertThat(qemu("root.hdd")).isZero();
        assertThat(ChainCheck.run(files).findings()).singleElement().isInstanceOf(Finding.ShortCluster.class);
    }
}
