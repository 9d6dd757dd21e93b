package org.tidemark.ploop.chain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.chain.SnapshotOperations.Deleted;
import org.tidemark.ploop.contract.TestBytes;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageException.Kind;
import org.tidemark.ploop.io.ImageIo;

class SnapshotOperationsTest {
    private SnapshotTree tree;
    private String first;
    private String second;

    /** {@code first <- second <- top}, all with content of their own. */
    @BeforeEach
    void threeLevels() throws IOException {
        tree = new SnapshotTree(new Random(42));
        tree.write();
        first = tree.snapshot();
        tree.write();
        second = tree.snapshot();
        tree.write();
    }

    private ChainFiles files() throws IOException {
        return ChainFiles.in(tree.disk);
    }

    private DiskDescriptor descriptor() throws IOException {
        return DiskDescriptor.read(tree.disk);
    }

    private void checked() throws IOException {
        SnapshotTree.check(tree.disk, tree.contents);
        SnapshotTree.checkTidy(tree.disk);
    }

    private static void refused(Kind kind, String words, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.kind()).isEqualTo(kind))
                .hasMessageContaining(words);
    }

    @Test
    void deletingALevelKeepsItsFileAndTheChildsName() throws IOException {
        String lowerFile =
                descriptor().imageOf(descriptor().requireShot(second)).file();
        assertThat(tree.operations().delete(files(), second)).isEqualTo(Deleted.MERGED);
        assertThat(descriptor().shots()).hasSize(2);
        assertThat(descriptor().imageOf(descriptor().requireShot(Guid.TOP)).file())
                .isEqualTo(lowerFile);
        assertThat(descriptor().requireShot(Guid.TOP).parentGuid()).isEqualTo(first);
        checked();
    }

    @Test
    void deletingTheBaseMergesItsChildIntoIt() throws IOException {
        assertThat(tree.operations().delete(files(), first)).isEqualTo(Deleted.MERGED);
        assertThat(descriptor().imageOf(descriptor().requireShot(second)).file())
                .isEqualTo("root.hdd");
        assertThat(descriptor().requireShot(second).parentGuid()).isEqualTo(Guid.NONE);
        checked();
    }

    @Test
    void aLevelWithSeveralChildrenGoesWhenOneIsLeft() throws IOException {
        tree.switchTo(first);
        tree.write();
        assertThat(descriptor().childrenOf(first)).hasSize(2);
        assertThat(tree.operations().delete(files(), first)).isEqualTo(Deleted.MARKED);
        assertThat(descriptor().requireShot(first).temporary()).isTrue();
        checked();
        refused(Kind.INVALID_REQUEST, "being merged", () -> ChainFiles.level(tree.disk, descriptor(), first));
        assertThat(tree.operations().delete(files(), second)).isEqualTo(Deleted.REMOVED);
        assertThat(descriptor().shots()).hasSize(1);
        assertThat(descriptor().images().get(0).file()).isEqualTo("root.hdd");
        checked();
    }

    @Test
    void switchingGoesBackAndDropsWhatWasWrittenSince() throws IOException {
        tree.switchTo(first);
        assertThat(descriptor().requireShot(Guid.TOP).parentGuid()).isEqualTo(first);
        assertThat(descriptor().shots()).hasSize(3);
        checked();
        tree.write();
        checked();
    }

    @Test
    void mergingAllLeavesOneFile() throws IOException {
        assertThat(tree.operations().mergeAll(files())).isEqualTo(2);
        assertThat(descriptor().images()).singleElement().satisfies(image -> assertThat(image.file())
                .isEqualTo("root.hdd"));
        checked();
    }

    @Test
    void mergingALevelKeepsItsName() throws IOException {
        tree.operations().merge(files(), second);
        assertThat(descriptor().shots()).hasSize(2);
        assertThat(descriptor().requireShot(second).parentGuid()).isEqualTo(Guid.NONE);
        checked();
    }

    @Test
    void whatWouldChangeAnotherLevelIsRefused() throws IOException {
        byte[] before = descriptor().serialise();
        refused(Kind.INVALID_REQUEST, "is written to", () -> tree.operations().delete(files(), Guid.TOP));
        refused(Kind.INVALID_REQUEST, "is written to", () -> tree.operations().switchTo(files(), Guid.TOP));
        refused(Kind.INVALID_REQUEST, "is the base", () -> tree.operations().merge(files(), first));
        refused(Kind.INVALID_REQUEST, "there is no snapshot", () -> tree.operations()
                .delete(files(), "{11111111-1111-1111-1111-111111111111}"));
        assertThat(descriptor().serialise()).isEqualTo(before);
        tree.switchTo(first);
        refused(Kind.INVALID_REQUEST, "other levels descend", () -> tree.operations()
                .merge(files(), second));
        refused(Kind.INVALID_REQUEST, "several levels descend", () -> tree.operations()
                .mergeAll(files()));
        checked();
    }

    @Test
    void filesInUseAreLeftAlone() throws IOException {
        byte[] before = descriptor().serialise();
        try (ChainLocks attached = ChainLocks.take(files(), true)) {
            refused(Kind.IN_USE, "", () -> tree.operations().delete(files(), second));
            refused(Kind.IN_USE, "", () -> tree.operations().switchTo(files(), first));
            refused(Kind.IN_USE, "", () -> tree.operations().create(files()));
        }
        try (ImageLock other = tree.disk.lock(DiskDescriptor.FILE_NAME + ".lck", true)) {
            refused(Kind.IN_USE, "", () -> tree.operations().delete(files(), second));
        }
        assertThat(descriptor().serialise()).isEqualTo(before);
        checked();
    }

    @Test
    void onlyFilesOfTheIntentAreEverDeleted() throws IOException {
        tree.disk.create("root.hdd.{of somebody else}").close();
        ChainIntent.newFile("root.hdd").write(tree.disk);
        assertThat(tree.operations().recover(tree.disk)).isTrue();
        assertThat(tree.disk.list()).contains("root.hdd", "root.hdd.{of somebody else}");
        assertThat(tree.operations().recover(tree.disk)).isFalse();
    }

    @Test
    void anIntentThatMakesNoSenseStopsEverything() throws IOException {
        for (String text : new String[] {"", "tidemark-intent 2\n", "tidemark-intent 1\nunnamed ../etc/passwd\n"}) {
            byte[] bytes = text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
            try (ImageIo io = tree.disk.create(ChainIntent.FILE_NAME)) {
                AlignedBuffer buffer = TestBytes.buffer(bytes.length == 0 ? new byte[1] : bytes);
                io.write(0, buffer, 0, bytes.length);
            }
            refused(Kind.DAMAGED, ChainIntent.FILE_NAME, () -> tree.operations().create(files()));
            refused(Kind.DAMAGED, ChainIntent.FILE_NAME, () -> tree.operations().delete(files(), second));
            tree.disk.delete(ChainIntent.FILE_NAME);
        }
        checked();
    }
}
