package org.tidemark.ploop.os;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What can be told without a service manager; the rest is proven with a real one, by the matrix of kills of the appliance. */
class ServiceManagerTest {
    @TempDir
    private Path folder;

    @Test
    void withoutTheVariableNobodyManagesThisProcess() throws Exception {
        assertThat(ServiceManager.of(Map.of())).isEmpty();
        assertThat(ServiceManager.watches(Map.of())).isFalse();
        assertThat(ServiceManager.watches(Map.of(ServiceManager.SOCKET, "/run/systemd/notify")))
                .isTrue();
    }

    @Test
    void descriptorsHandedToAnotherProcessAreNotTouched() throws Exception {
        assertThat(ServiceManager.handedOver(Map.of("LISTEN_PID", "1", "LISTEN_FDS", "2", "LISTEN_FDNAMES", "a:b")))
                .isEmpty();
    }

    @Test
    void aDuplicateIsTheSameOpenFileAndOpeningAgainIsNot() throws Exception {
        Path path = folder.resolve("file");
        try (NativeFile file = NativeFile.open(path, NativeFile.READ_WRITE | NativeFile.CREATE, 0600);
                NativeFile duplicate = file.duplicate();
                NativeFile other = NativeFile.open(path, NativeFile.READ_WRITE, 0)) {
            assertThat(file.isSameOpenFile(duplicate)).isTrue();
            assertThat(file.isSameOpenFile(other)).isFalse();
        }
    }
}
