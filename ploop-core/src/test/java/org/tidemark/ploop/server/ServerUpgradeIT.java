package org.tidemark.ploop.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Requires;

/** Another version of the device server takes the place of the running one under load. */
@Requires({"root", "fuse", "loop", "fio"})
@Timeout(180)
class ServerUpgradeIT {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final long SIZE = 128L << 20;

    private ServerHost host;

    @BeforeEach
    void start() throws IOException {
        host = ServerHost.start("upgrade-", OlderServerMain.class.getName());
    }

    @AfterEach
    void stop() throws IOException {
        host.close();
    }

    private static ServerCommand next(Class<?> main) {
        return ServerCommand.ofThisJava(main.getName());
    }

    private FioRounds load() throws IOException {
        String block = host.attach("d", host.newImage("image", SIZE));
        return new FioRounds(host.folder().resolve("fio.out"), block, "--size=48m");
    }

    @Test
    void aNewerProtocolUnderLoadIsAPause() throws Exception {
        assertThat(host.client().greeting().number("protocol")).isEqualTo(1);
        try (FioRounds fio = load()) {
            ServerUpgrade.Done done = ServerUpgrade.run(host.run(), next(DeviceServerMain.class), false, LIMIT);
            System.out.println(done);
            assertThat(done.oldProtocol()).isEqualTo(1);
            assertThat(done.newProtocol()).isEqualTo(2);
            assertThat(done.newPid()).isNotEqualTo(done.oldPid());
            assertThat(done.devices()).isEqualTo(1);
            fio.requireHealthy();

            // A crash afterwards brings the new one back, and not the one that the holder was started with.
            host.killServer();
            host.awaitServing();
            assertThat(host.client().greeting().number("protocol")).isEqualTo(2);

            // And back again, as long as the state can be read.
            ServerUpgrade.Done back = ServerUpgrade.run(host.run(), next(OlderServerMain.class), false, LIMIT);
            assertThat(back.newProtocol()).isEqualTo(1);
            fio.requireHealthy();
            System.out.println(fio.stop() + " rounds of fio verified");
        }
        host.awaitServing();
        host.client().detach("d", ServerHost.LIMIT);
        assertThat(ServerHost.check(host.folder().resolve("image")).damaged()).isFalse();
    }

    @Test
    void whatDoesNotLiveIsTakenBack() throws Exception {
        try (FioRounds fio = load()) {
            assertThatThrownBy(() -> ServerUpgrade.run(host.run(), next(ShortLivedServerMain.class), false, LIMIT))
                    .isInstanceOf(ControlException.class)
                    .hasMessageContaining("did not live");
            host.awaitServing();
            assertThat(host.client().greeting().number("protocol")).isEqualTo(1);
            fio.requireHealthy();
        }
    }

    @Test
    void whatDoesNotStartChangesNothing() throws Exception {
        host.attach("d", host.newImage("image", SIZE));
        long pid = host.client().status().number("pid");
        ServerCommand broken = new ServerCommand(
                next(DeviceServerMain.class).java(),
                host.folder().resolve("nothing").toString(),
                DeviceServerMain.class.getName());
        assertThatThrownBy(() -> ServerUpgrade.run(host.run(), broken, false, LIMIT))
                .hasMessageContaining("does not start");
        assertThat(host.client().status().number("pid")).isEqualTo(pid);
    }

    @Test
    void whatWouldEndEarlyIsAskedAbout() throws Exception {
        host.attach("d", host.newImage("image", SIZE));
        host.client().request("snapshot.prepare", Fields.of("device", "d"), ServerHost.LIMIT);
        assertThatThrownBy(() -> ServerUpgrade.run(host.run(), next(DeviceServerMain.class), false, LIMIT))
                .isInstanceOfSatisfying(
                        ControlException.class, e -> assertThat(e.kind()).isEqualTo(ControlException.Kind.BUSY))
                .hasMessageContaining("snapshots");
        assertThat(ServerUpgrade.run(host.run(), next(DeviceServerMain.class), true, LIMIT)
                        .newProtocol())
                .isEqualTo(2);
        Path image = host.folder().resolve("image");
        assertThat(Files.exists(image.resolve("tidemark-intent"))).isFalse();
    }
}
