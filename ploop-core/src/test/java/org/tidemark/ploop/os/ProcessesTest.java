package org.tidemark.ploop.os;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Requires;

@Timeout(30)
class ProcessesTest {
    private static final Duration LIMIT = Duration.ofSeconds(5);

    @Test
    void theEndOfAProcessIsSeenThroughItsHandle() throws Exception {
        Process sleep = new ProcessBuilder("sleep", "60").start();
        Processes.Id id = Processes.byPid(sleep.pid());
        try (Processes.Handle handle = id.open()) {
            assertThat(id.alive()).isTrue();
            assertThat(id.certainlyEnded()).isFalse();
            assertThat(handle.awaitEnd(Duration.ofMillis(20))).isFalse();
            assertThat(id.signal(Processes.KILL)).isTrue();
            assertThat(handle.awaitEnd(LIMIT)).isTrue();
        }
        sleep.waitFor();
        assertThat(id.alive()).isFalse();
        assertThat(id.certainlyEnded()).isTrue();
        assertThat(id.signal(Processes.KILL)).isFalse();
        assertThatThrownBy(id::open).isInstanceOf(OsException.class);
    }

    @Test
    void anotherStartTimeIsAnotherProcess() throws Exception {
        Processes.Id self = Processes.self();
        assertThat(self.alive()).isTrue();
        Processes.Id earlier = new Processes.Id(self.pid(), self.startTicks() - 1);
        assertThat(earlier.alive()).isFalse();
        assertThat(earlier.certainlyEnded()).isTrue();
        assertThat(self.certainlyEnded()).isFalse();
        assertThatThrownBy(earlier::open).isInstanceOf(OsException.class);
    }

    @Test
    @Requires("root")
    void aDescriptorOfAnotherProcessCanBeDuplicated() throws Exception {
        Process sleep = new ProcessBuilder("sleep", "60").start();
        try (Processes.Handle handle = Processes.byPid(sleep.pid()).open();
                NativeFile input = handle.duplicate(0)) {
            assertThat(input.statusFlags()).isNotNegative();
        } finally {
            sleep.destroyForcibly().waitFor();
        }
    }

    @Test
    void theMachineHasAnIdentity() throws Exception {
        HostIdentity identity = HostIdentity.read();
        assertThat(identity.hostId()).isNotEmpty();
        assertThat(identity.bootId()).hasSize(36);
        assertThat(HostIdentity.read()).isEqualTo(identity);
    }
}
