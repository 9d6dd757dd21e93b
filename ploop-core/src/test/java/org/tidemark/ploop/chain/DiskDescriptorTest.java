package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.chain.DiskDescriptor.Image;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageException.Kind;
import org.tidemark.ploop.io.direct.DirectImageDirectory;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

class DiskDescriptorTest {
    private static final String A = "{11111111-2222-3333-4444-555555555555}";
    private static final String TWO_LEVELS = ("<?xml version=\"1.0\"?>\n<ROOT Version=\"1.0\" odd=\"kept\">\n"
                    + "  <Disk_Parameters><Disk_size>131072</Disk_size><Cylinders>256</Cylinders><Heads>16</Heads>"
                    + "<Sectors>32</Sectors><Padding>0</Padding><Odd_thing>42</Odd_thing></Disk_Parameters>\n"
                    + "  <StorageData><Storage><Start>0</Start><End>131072</End><Blocksize>2048</Blocksize>\n"
                    + "   <Image><GUID>A</GUID><Type>Compressed</Type><File>root.hdd</File></Image>\n"
                    + "   <Image><GUID>TOP</GUID><Type>Compressed</Type><File>root.hdd.top</File></Image>\n"
                    + "  </Storage></StorageData>\n"
                    + "  <Snapshots><TopGUID>TOP</TopGUID><Shot><GUID>A</GUID><ParentGUID>NONE</ParentGUID></Shot>"
                    + "<Shot><GUID>TOP</GUID><ParentGUID>A</ParentGUID><Temporary/></Shot></Snapshots>\n</ROOT>\n")
            .replace(">A<", ">" + A + "<")
            .replace("TOP<", Guid.TOP + "<")
            .replace("NONE", Guid.NONE)
            .replace("<File>root.hdd." + Guid.TOP, "<File>root.hdd.top");

    @TempDir
    Path folder;

    private static DiskDescriptor parse(String text) throws ImageException {
        return DiskDescriptor.parse("test", text.getBytes(StandardCharsets.UTF_8));
    }

    private static String twoLevels() {
        return TWO_LEVELS.replace("ROOT", "Parallels_disk_image");
    }

    private static void refused(String text, Kind kind, String words) {
        assertThatThrownBy(() -> parse(text))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.kind()).isEqualTo(kind))
                .hasMessageContaining(words);
    }

    private static Supplier<UUID> counter() {
        long[] next = {0};
        return () -> new UUID(0, ++next[0]);
    }

    @Test
    void bothRootNamesAreRead() throws IOException {
        for (String root : new String[] {"Parallels_disk_image", "Virtuozzo_disk_image"}) {
            DiskDescriptor descriptor = parse(TWO_LEVELS.replace("ROOT", root));
            assertThat(descriptor.geometry().diskSizeBytes()).isEqualTo(64L << 20);
            assertThat(descriptor.geometry().clusterSizeBytes()).isEqualTo(1 << 20);
            assertThat(descriptor.pathTo(descriptor.topGuid()))
                    .containsExactly(
                            new Image(A, "expanded", "root.hdd"), new Image(Guid.TOP, "expanded", "root.hdd.top"));
        }
        refused(TWO_LEVELS, Kind.NOT_AN_IMAGE, "ROOT");
    }

    @Test
    void whatIsNotKnownSurvivesRewriting() throws IOException {
        DiskDescriptor changed = parse(twoLevels()).withSnapshot("{00000000-0000-0000-0000-000000000007}", "new");
        String text = new String(changed.serialise(), StandardCharsets.UTF_8);
        assertThat(text).contains("odd=\"kept\"", "<Odd_thing>42</Odd_thing>", "<Temporary/>");
        assertThat(changed.pathTo(changed.topGuid()))
                .extracting(Image::file)
                .containsExactly("root.hdd", "root.hdd.top", "new");
        assertThat(parse(text).serialise()).as("rewriting is stable").isEqualTo(changed.serialise());
    }

    @Test
    void aForeignTopNameIsAcceptedAndConvertedByTheNextSnapshot() throws IOException {
        String other = "{99999999-2222-3333-4444-555555555555}";
        DiskDescriptor descriptor = parse(twoLevels().replace(Guid.TOP, other.toUpperCase(java.util.Locale.ROOT)));
        assertThat(descriptor.topGuid()).isEqualTo(other);
        DiskDescriptor changed = descriptor.withSnapshot("{00000000-0000-0000-0000-000000000007}", "new");
        assertThat(changed.topGuid()).isEqualTo(Guid.TOP);
        assertThat(changed.pathTo(changed.topGuid())).hasSize(3);
    }

    @Test
    void whatIsNotSupportedIsRefusedWithASentence() {
        String good = twoLevels();
        refused(
                good.replace("<Padding>", "<Encryption><KeyId>k</KeyId></Encryption><Padding>"),
                Kind.UNSUPPORTED,
                "encrypted");
        refused(good.replace("</StorageData>", "<Storage/></StorageData>"), Kind.UNSUPPORTED, "split");
        refused(good.replace("<StorageData>", "<StorageData><Volume/>"), Kind.UNSUPPORTED, "volume");
        refused(good.replaceFirst("(?s)(.*)Compressed", "$1Plain"), Kind.UNSUPPORTED, "only the base");
        refused(good.replaceFirst("Compressed", "Odd"), Kind.UNSUPPORTED, "Odd");
    }

    @Test
    void contradictionsAreRefused() {
        String good = twoLevels();
        refused(good.replace("<End>131072", "<End>131073"), Kind.DAMAGED, "131073");
        refused(good.replace("<Blocksize>2048", "<Blocksize>0"), Kind.DAMAGED, "Blocksize");
        refused(good.replace("<Blocksize>2048", "<Blocksize>x"), Kind.DAMAGED, "Blocksize");
        refused(good.replace(Guid.NONE, A), Kind.DAMAGED, "circle");
        refused(good.replace("root.hdd.top", "root.hdd"), Kind.DAMAGED, "twice");
        refused(
                good.replace("<TopGUID>" + Guid.TOP, "<TopGUID>{12345678-1234-1234-1234-123456789012}"),
                Kind.DAMAGED,
                "no snapshot");
        refused(good.replace("<GUID>" + A, "<GUID>abc"), Kind.DAMAGED, "no GUID");
        refused("not xml", Kind.DAMAGED, "XML");
    }

    @Test
    void nothingIsFetchedOrExpanded() throws IOException {
        Files.writeString(folder.resolve("secret"), "secret");
        String evil = "<!DOCTYPE a [<!ENTITY x SYSTEM \"file://" + folder.resolve("secret") + "\">]>\n"
                + twoLevels().replace("<?xml version=\"1.0\"?>\n", "").replace("root.hdd.top", "&x;");
        refused(evil, Kind.DAMAGED, "DOCTYPE");
        refused("<a>".repeat(5000) + "</a>".repeat(5000), Kind.DAMAGED, "XML");
    }

    @Test
    void aNewImageCanBeOpenedByItsFolder() throws IOException {
        ChainFiles.create(new VfsImageDirectory(folder), "root.hdd", (64L << 20) - 5, 1 << 20);
        for (Path path : new Path[] {folder, folder.resolve(DiskDescriptor.FILE_NAME), folder.resolve("root.hdd")}) {
            ChainFiles files = ChainFiles.at(path, VfsImageDirectory::new);
            try (ImageChain chain = ImageChain.open(files, OpenIntent.WRITE, AllocationCursor.transientCursor())) {
                assertThat(chain.top().geometry().diskSizeBytes()).isEqualTo(64L << 20);
                assertThat(chain.top().format()).isEqualTo("expanded");
            }
        }
        assertThatThrownBy(() -> ChainFiles.create(new VfsImageDirectory(folder), "other", 1 << 20, 1 << 20))
                .isInstanceOf(ImageException.class);
        assertThat(folder.resolve(DiskDescriptor.FILE_NAME + ".tmp")).doesNotExist();
    }

    @Test
    void aSnapshotPutsAnEmptyDeltaOnTop() throws IOException {
        ChainFiles.create(new VfsImageDirectory(folder), "root.hdd", 64L << 20, 1 << 20);
        String guid = new SnapshotOperations(counter()).create(ChainFiles.at(folder, VfsImageDirectory::new));
        ChainFiles files = ChainFiles.at(folder, VfsImageDirectory::new);
        assertThat(files.links())
                .extracting(ChainFiles.Link::fileName)
                .containsExactly("root.hdd", "root.hdd.{00000000-0000-0000-0000-000000000002}");
        assertThat(SnapshotOperations.list(files.descriptor().orElseThrow()))
                .containsExactly(
                        new SnapshotOperations.Snapshot(guid, Guid.NONE, "root.hdd", false, false),
                        new SnapshotOperations.Snapshot(
                                Guid.TOP, guid, "root.hdd.{00000000-0000-0000-0000-000000000002}", true, false));
        try (ImageChain chain = ImageChain.open(files, OpenIntent.WRITE, AllocationCursor.transientCursor())) {
            assertThat(chain.deltas()).hasSize(2);
            assertThat(chain.deltas().get(0).writable()).isFalse();
            chain.top().markInUse();
        }
        assertThatThrownBy(() -> new SnapshotOperations(counter()).create(files))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.NOT_CLOSED));
    }

    @Test
    void anImageThatIsLockedGetsNoSnapshot() throws IOException {
        ChainFiles files = ChainFiles.create(new VfsImageDirectory(folder), "root.hdd", 64L << 20, 1 << 20);
        try (ChainLocks locks = ChainLocks.take(files, true)) {
            assertThat(locks.locks().get(0).descriptor()).isPositive();
            assertThatThrownBy(() -> new SnapshotOperations(UUID::randomUUID).create(files))
                    .isInstanceOfSatisfying(
                            ImageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.IN_USE));
        }
    }

    @Test
    void oneFileUnderTwoSpellingsIsRefused() throws IOException {
        Files.writeString(folder.resolve(DiskDescriptor.FILE_NAME), twoLevels().replace("root.hdd.top", "./root.hdd"));
        assertThatThrownBy(() -> ChainFiles.at(folder, VfsImageDirectory::new)).hasMessageContaining("twice");
        Files.createDirectory(folder.resolve("below"));
        Files.writeString(
                folder.resolve(DiskDescriptor.FILE_NAME), twoLevels().replace("root.hdd.top", "below/root.hdd"));
        assertThat(ChainFiles.at(folder, VfsImageDirectory::new).links()).hasSize(2);
    }

    @Test
    void descriptorsAreStoredPastThePageCacheToo() throws IOException {
        ChainFiles.create(new DirectImageDirectory(folder), "root.hdd", 64L << 20, 1 << 20);
        new SnapshotOperations(counter()).create(ChainFiles.at(folder, DirectImageDirectory::new));
        assertThat(ChainFiles.at(folder, VfsImageDirectory::new).links()).hasSize(2);
    }

    @Test
    void aLoneFileIsRecognised() throws IOException {
        Files.write(folder.resolve("raw"), new byte[512 * 9]);
        ChainFiles files = ChainFiles.at(folder.resolve("raw"), VfsImageDirectory::new);
        assertThat(files.top().formatId()).isEqualTo("raw");
        ImageChain.open(files, OpenIntent.WRITE, AllocationCursor.transientCursor())
                .close();
        Files.write(folder.resolve("text"), new byte[513]);
        assertThatThrownBy(() -> ChainFiles.at(folder.resolve("text"), VfsImageDirectory::new))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.NOT_AN_IMAGE));
        Files.write(folder.resolve("q"), java.util.Arrays.copyOf(new byte[] {'Q', 'F', 'I', (byte) 0xFB}, 512));
        assertThatThrownBy(() -> ChainFiles.at(folder.resolve("q"), VfsImageDirectory::new))
                .hasMessageContaining("QCOW");
    }
}
