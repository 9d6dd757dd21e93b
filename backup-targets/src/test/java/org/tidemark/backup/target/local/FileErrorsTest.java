package org.tidemark.backup.target.local;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import org.junit.jupiter.api.Test;
import org.tidemark.backup.target.TargetException.Kind;

class FileErrorsTest {
    private static Kind kind(IOException e) {
        return FileErrors.of("write it", e).kind();
    }

    @Test
    void whatTheKernelSaysDecidesTheKind() {
        assertThat(kind(new IOException("No space left on device"))).isEqualTo(Kind.FULL);
        assertThat(kind(new FileSystemException("/a", null, "Disk quota exceeded")))
                .isEqualTo(Kind.FULL);
        assertThat(kind(new FileSystemException("/a", null, "Read-only file system")))
                .isEqualTo(Kind.DENIED);
        assertThat(kind(new AccessDeniedException("/a"))).isEqualTo(Kind.DENIED);
        assertThat(kind(new NoSuchFileException("/a"))).isEqualTo(Kind.NOT_FOUND);
        assertThat(kind(new IOException("Stale file handle"))).isEqualTo(Kind.UNREACHABLE);
        assertThat(kind(new IOException("Input/output error"))).isEqualTo(Kind.RETRYABLE);
    }

    @Test
    void theMessageSaysWhatAndWhatToDo() {
        assertThat(FileErrors.of("write pack to target folder /b", new IOException("No space left on device")))
                .hasMessageContaining("write pack to target folder /b")
                .hasMessageContaining("make room");
    }
}
