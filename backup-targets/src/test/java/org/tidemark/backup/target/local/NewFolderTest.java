package org.tidemark.backup.target.local;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.backup.target.ProbeStep;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;

class NewFolderTest {
    @TempDir
    Path folder;

    private static NewFolder.Result probe(Path folder) {
        return NewFolder.probe(folder, System::nanoTime);
    }

    private static void fails(Path folder, Kind kind, String words) {
        NewFolder.Result result = probe(folder);
        assertThat(result.failure()).isInstanceOfSatisfying(TargetException.class, e -> {
            assertThat(e.kind()).isEqualTo(kind);
            assertThat(e).hasMessageContaining(words);
        });
        assertThat(result.steps()).last().matches(step -> !step.ok());
    }

    @Test
    void anEmptyFolderCanBecomeATargetAndStaysEmpty() {
        NewFolder.Result result = probe(folder);
        assertThat(result.failure()).isNull();
        assertThat(result.steps()).hasSize(2).allMatch(ProbeStep::ok);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aFolderThatIsMissingBelowOneThatIsThereCanBecomeATarget() {
        assertThat(probe(folder.resolve("vault")).failure()).isNull();
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void whatCannotBecomeATargetIsSaid() throws Exception {
        fails(folder.resolve("not/mounted"), Kind.UNREACHABLE, "there is no folder");
        fails(Files.writeString(folder.resolve("file"), "x"), Kind.UNREACHABLE, "is no folder");
        fails(folder, Kind.DENIED, "not empty");
    }

    @Test
    void aTargetIsKnown() throws Exception {
        assertThat(NewFolder.isTarget(folder)).isFalse();
        LocalTarget.create(folder, new Random(1));
        assertThat(NewFolder.isTarget(folder)).isTrue();
    }
}
