package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.testing.Requires;

/** Two pairs of holder and device server on one host: when native code of one crashes the other one does not notice. */
@Requires({"root", "fuse", "loop", "fio"})
@Timeout(120)
class SeveralServersIT {
    private static final int SEGMENTATION_FAULT = 11;
    private static final long SIZE = 64L << 20;

    @Test
    void aCrashOfNativeCodeCostsOneServer() throws Exception {
        try (ServerHost first = ServerHost.start("several-a-");
                ServerHost second = ServerHost.start("several-b-")) {
            String crashing = first.attach("d", first.newImage("image", SIZE));
            String quiet = second.attach("d", second.newImage("image", SIZE));
            Processes.Id untouched = second.serverProcess();
            try (FioRounds verify =
                            new FioRounds(first.folder().resolve("fio.out"), crashing, "--size=16m", "--rate=20m");
                    FioRounds beside =
                            new FioRounds(second.folder().resolve("fio.out"), quiet, "--size=16m", "--rate=20m")) {
                Processes.Id victim = first.serverProcess();
                assertThat(victim.signal(SEGMENTATION_FAULT)).isTrue();
                ServerHost.await("the server has crashed", () -> !victim.alive());
                first.awaitServing();
                assertThat(first.serverProcess()).isNotEqualTo(victim);
                assertThat(verify.stop() + beside.stop()).isGreaterThanOrEqualTo(2);
            }
            assertThat(second.serverProcess()).isEqualTo(untouched);
            assertThat(untouched.alive()).isTrue();
            first.client().detach("d", ServerHost.LIMIT);
            second.client().detach("d", ServerHost.LIMIT);
        }
    }
}
