package org.tidemark.backup.target.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.backup.target.AbstractBackupTargetContract;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.ProbeReport;
import org.tidemark.backup.target.ProbeStep;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.target.TargetMarker;
import org.tidemark.backup.target.TargetProbe;

class LocalTargetTest extends AbstractBackupTargetContract {
    @TempDir
    Path folder;

    private final Random random = new Random(1);

    @Override
    protected BackupTarget target() throws Exception {
        return LocalTarget.create(folder.resolve("root"), random);
    }

    private static void fails(Kind kind, ThrowingCallable call) {
        assertThatExceptionOfType(TargetException.class).isThrownBy(call).satisfies(e -> assertThat(e.kind())
                .isEqualTo(kind));
    }

    private static List<ByteBuffer> bytes(int count) {
        return List.of(ByteBuffer.allocate(count));
    }

    @Test
    void createdTwiceIsTheSame() throws Exception {
        String id = LocalTarget.create(folder.resolve("t"), random).targetId();
        assertThat(LocalTarget.create(folder.resolve("t"), random).targetId()).isEqualTo(id);
        assertThat(LocalTarget.open(folder.resolve("t"), random).targetId()).isEqualTo(id);
    }

    @Test
    void aFolderWithOtherThingsIsRefused() throws Exception {
        Files.writeString(folder.resolve("letter.txt"), "dear");
        fails(Kind.DENIED, () -> LocalTarget.create(folder, random));
        assertThat(folder.resolve(".tidemark-target")).doesNotExist();
    }

    @Test
    void aFolderWithoutMarkerIsNoTarget() {
        fails(Kind.UNREACHABLE, () -> LocalTarget.open(folder, random));
        fails(Kind.UNREACHABLE, () -> LocalTarget.open(folder.resolve("missing"), random));
    }

    @Test
    void aVanishedRootIsAnErrorAndNeverEmpty() throws Exception {
        BackupTarget target = target();
        target.putIfAbsent("a/b", bytes(3));
        Files.move(folder.resolve("root"), folder.resolve("elsewhere"));
        checkUnreachable(target);
        // An empty mount point in its place, as after an unmount.
        Files.createDirectory(folder.resolve("root"));
        checkUnreachable(target);
        assertThat(folder.resolve("root")).isEmptyDirectory();
        Files.delete(folder.resolve("root"));
        Files.move(folder.resolve("elsewhere"), folder.resolve("root"));
        assertThat(target.stat("a/b")).isEqualTo(3);
        target.putIfAbsent("a/c", bytes(3));
    }

    private static void checkUnreachable(BackupTarget target) {
        fails(Kind.UNREACHABLE, () -> target.list("", (key, sizeBytes) -> {}));
        fails(Kind.UNREACHABLE, () -> target.listFolders("", name -> {}));
        fails(Kind.UNREACHABLE, () -> target.stat("a/b"));
        fails(Kind.UNREACHABLE, () -> target.get("a/b", ByteRange.head(1), ByteBuffer.allocate(1)));
        fails(Kind.UNREACHABLE, () -> target.putIfAbsent("a/z", bytes(1)));
        fails(Kind.UNREACHABLE, target::validate);
    }

    @Test
    void anotherTargetInItsPlaceIsAnError() throws Exception {
        BackupTarget target = target();
        target.putIfAbsent("a", bytes(3));
        Files.move(folder.resolve("root"), folder.resolve("elsewhere"));
        LocalTarget.create(folder.resolve("root"), random);
        checkUnreachable(target);
    }

    /** As when another file system is mounted that has the same device and inode numbers. */
    @Test
    void anotherMarkerInTheSameFileIsAnError() throws Exception {
        BackupTarget target = target();
        target.putIfAbsent("a", bytes(3));
        Path marker = folder.resolve("root").resolve(TargetMarker.NAME);
        byte[] was = Files.readAllBytes(marker);
        Files.write(marker, TargetMarker.content("0123456789abcdef".repeat(2)));
        checkUnreachable(target);
        Files.write(marker, was);
        assertThat(target.stat("a")).isEqualTo(3);
    }

    /** On NFS a request whose answer was lost is sent again, and meets itself. */
    @Test
    void aNameThatIsOursAlreadyIsNoConflict() throws Exception {
        target();
        Path root = folder.resolve("root");
        BackupTarget target = LocalTarget.open(root, random, (step, file) -> {
            if (step == PutStep.SYNCED) {
                link(root.resolve("a"), file);
            }
        });
        target.putIfAbsent("a", bytes(7));
        assertThat(target.stat("a")).isEqualTo(7);
        fails(Kind.CONFLICT, () -> target.putIfAbsent("a", bytes(7)));
        assertThat(root.resolve(".tmp")).isEmptyDirectory();
    }

    private static void link(Path name, Path file) {
        try {
            if (!Files.exists(name)) {
                Files.createLink(name, file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aNameThatIsTooLongIsSaid() {
        assertThatExceptionOfType(TargetException.class)
                .isThrownBy(() -> LocalTarget.create(folder.resolve("n".repeat(300)), random))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.DENIED))
                .withMessageContaining("choose a shorter folder");
    }

    @Test
    void restsOfACrashAreInvisible() throws Exception {
        BackupTarget target = target();
        Files.createDirectories(folder.resolve("root/.tmp"));
        Files.write(folder.resolve("root/.tmp/0123"), new byte[100]);
        List<String> keys = new ArrayList<>();
        target.list("", (key, sizeBytes) -> keys.add(key));
        target.listFolders("", keys::add);
        assertThat(keys).isEmpty();
    }

    @Test
    void aPutLeavesNoTemporaryFile() throws Exception {
        BackupTarget target = target();
        target.putIfAbsent("a", bytes(3));
        fails(Kind.CONFLICT, () -> target.putIfAbsent("a", bytes(3)));
        target.validate();
        assertThat(folder.resolve("root/.tmp")).isEmptyDirectory();
    }

    @Test
    void theStepsOfAPutComeInOrder() throws Exception {
        target();
        List<PutStep> steps = new ArrayList<>();
        LocalTarget.open(folder.resolve("root"), random, (step, file) -> steps.add(step))
                .putIfAbsent("a", bytes(1));
        assertThat(steps).containsExactly(PutStep.values());
    }

    @Test
    void aProbeTellsStepByStep() throws Exception {
        BackupTarget target = target();
        ProbeReport report = TargetProbe.of(target, System::nanoTime);
        assertThat(report.usable()).isTrue();
        assertThat(report.steps()).extracting(ProbeStep::name).containsExactly("reach and write", "list");
        assertThat(report.capabilities().shared()).isTrue();
        Files.move(folder.resolve("root"), folder.resolve("away"));
        ProbeReport gone = TargetProbe.of(target, System::nanoTime);
        assertThat(gone.usable()).isFalse();
        assertThat(gone.failure().orElseThrow().detail()).contains("If it is a mount point, mount it");
    }
}
