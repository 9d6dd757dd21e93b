package org.tidemark.ploop.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.SnapshotOperations;
import org.tidemark.ploop.format.expanded.ExpandedHeader;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/** Each finding is planted and found, alone. */
class ChainCheckTest {
    private static final int CLUSTER = 65536;

    @TempDir
    Path folder;

    private Path file;

    /** Clusters 0, 5 and 9 of the disk lie in 1, 2 and 3 of the file. The table has 60 entries. */
    @BeforeEach
    void create() throws IOException {
        ChainFiles.create(new VfsImageDirectory(folder), "root.hdd", 60L * CLUSTER, CLUSTER);
        file = folder.resolve("root.hdd");
        resize(4 * CLUSTER);
        entry(0, 1);
        entry(5, 2);
        entry(9, 3);
        word(52, 0);
    }

    private void resize(int bytes) throws IOException {
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), bytes));
    }

    private void word(int offset, int value) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(offset, value);
        Files.write(file, bytes);
    }

    private void entry(int cluster, int physical) throws IOException {
        word(64 + 4 * cluster, physical);
    }

    private CheckReport check() throws IOException {
        byte[] before = Files.readAllBytes(file);
        CheckReport report = ChainCheck.run(ChainFiles.at(folder, VfsImageDirectory::new));
        assertThat(Files.readAllBytes(file)).as("changes nothing").isEqualTo(before);
        report.findings().forEach(finding -> assertThat(finding.describe()).contains(finding.file()));
        return report;
    }

    private String name() {
        return file.toString();
    }

    @Test
    void aCleanImageFindsNothing() throws IOException {
        CheckReport report = check();
        assertThat(report.findings()).isEmpty();
        assertThat(report.allocatedClusters()).isEqualTo(3);
        assertThat(report.clean()).isTrue();
    }

    @Test
    void aDuplicateEntryIsFound() throws IOException {
        entry(20, 2);
        assertThat(check().findings()).containsExactly(new Finding.DuplicateEntry(name(), 20, 2));
        assertThat(check().damaged()).isTrue();
    }

    @Test
    void anEntryBeyondTheEndIsFound() throws IOException {
        entry(20, 4);
        entry(21, 0xFFFFFFFF);
        assertThat(check().findings())
                .containsExactly(
                        new Finding.EntryBeyondEnd(name(), 20, 4, 4),
                        new Finding.EntryBeyondEnd(name(), 21, 0xFFFFFFFFL, 4));
    }

    @Test
    void anEntryIntoTheTableIsFound() throws IOException {
        Files.delete(folder.resolve("DiskDescriptor.xml"));
        Files.delete(file);
        ChainFiles.create(new VfsImageDirectory(folder), "root.hdd", 20_000L * 32768, 32768);
        entry(7, 1);
        word(52, 0);
        assertThat(check().findings()).containsExactly(new Finding.EntryIntoTable(name(), 7, 1));
    }

    @Test
    void nonzeroPaddingIsFound() throws IOException {
        entry(60, 9);
        entry(16000, 1);
        assertThat(check().findings()).containsExactly(new Finding.NonzeroPadding(name(), 60, 2));
    }

    @Test
    void aShortTailIsFound() throws IOException {
        resize(4 * CLUSTER + 700);
        assertThat(check().findings()).containsExactly(new Finding.ShortTail(name(), 700));
    }

    @Test
    void aShortClusterIsFound() throws IOException {
        resize(3 * CLUSTER + 700);
        assertThat(check().findings()).containsExactly(new Finding.ShortCluster(name(), 9, 3, 700));
    }

    @Test
    void leakedClustersAreFound() throws IOException {
        resize(6 * CLUSTER);
        entry(5, 0);
        assertThat(check().findings()).containsExactly(new Finding.LeakedClusters(name(), 3, 2));
        assertThat(check().damaged()).isFalse();
    }

    @Test
    void theMarkOfUseIsFound() throws IOException {
        word(44, ExpandedHeader.MARK_IN_USE);
        assertThat(check().findings()).containsExactly(new Finding.MarkedInUse(name(), ExpandedHeader.MARK_IN_USE));
    }

    @Test
    void contradictionsInTheHeaderAreFound() throws IOException {
        word(32, 70);
        assertThat(check().findings())
                .singleElement()
                .isInstanceOfSatisfying(
                        Finding.Contradiction.class, f -> assertThat(f.what()).contains("70 entries"));
        entry(65, 1);
        entry(0, 0);
        assertThat(check().findings()).contains(new Finding.EntryBeyondDisk(name(), 65, 1));
        assertThat(check().damaged()).isTrue();
        word(32, 60);
        word(48, 2 * CLUSTER / 512);
        entry(65, 0);
        assertThat(check().findings()).anyMatch(f -> f.describe().contains("kernel driver"));
    }

    @Test
    void aLeftOverExtensionIsFound() throws IOException {
        word(56, 3 * CLUSTER / 512);
        assertThat(check().findings()).singleElement().matches(f -> f.describe().contains("left over"));
    }

    @Test
    void aDescriptorOfAnotherSizeIsFound() throws IOException {
        Path descriptor = folder.resolve("DiskDescriptor.xml");
        String text = Files.readString(descriptor);
        Files.writeString(descriptor, text.replace("7680", "7808"));
        assertThat(check().findings()).singleElement().matches(f -> f.severity() == Severity.DAMAGE);
        Files.writeString(descriptor, text.replace(">128<", ">256<"));
        assertThat(check().findings()).singleElement().matches(f -> f.describe().contains("clusters have"));
    }

    @Test
    void everyFileOfAChainIsChecked() throws IOException {
        new SnapshotOperations(UUID::randomUUID).create(ChainFiles.at(folder, VfsImageDirectory::new));
        assertThat(check().findings()).isEmpty();
        entry(20, 2);
        assertThat(check().findings()).containsExactly(new Finding.DuplicateEntry(name(), 20, 2));
        word(0, 7);
        assertThat(check().damaged()).isTrue();
    }

    @Test
    void whatIsNoImageThrows() throws IOException {
        word(28, 1 << 30);
        assertThatThrownBy(this::check).isInstanceOf(ImageException.class);
    }

    /** Empty files of the two versions differ in the signature only. */
    @Test
    void aChainOfBothVersionsIsFound() throws IOException {
        new SnapshotOperations(UUID::randomUUID).create(ChainFiles.at(folder, VfsImageDirectory::new));
        ChainFiles files = ChainFiles.at(folder, VfsImageDirectory::new);
        file = folder.resolve(files.top().fileName());
        byte[] bytes = Files.readAllBytes(file);
        System.arraycopy("WithoutFreeSpace".getBytes(java.nio.charset.StandardCharsets.US_ASCII), 0, bytes, 0, 16);
        Files.write(file, bytes);
        assertThat(check().findings()).containsExactly(new Finding.MixedVersions("root.hdd", 2, 1));
    }
}
