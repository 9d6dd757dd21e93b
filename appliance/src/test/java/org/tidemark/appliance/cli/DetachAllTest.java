package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.ControlClient.Settings;
import org.tidemark.ploop.server.RunFolder;

@Timeout(60)
class DetachAllTest {
    private static final Duration LONG = Duration.ofSeconds(30);

    private static AttachedDevice device(String id, String image, String level) {
        return new AttachedDevice(
                new RunFolder(Path.of("/run/none")),
                id,
                ImagePlace.of(image),
                false,
                "SERVING",
                "",
                0,
                level,
                "",
                0,
                new Settings("wait", 0, 0, 0));
    }

    private static List<AttachedDevice> devices(int count) {
        List<AttachedDevice> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(device("d" + i, "/image" + i, ""));
        }
        return all;
    }

    @Test
    void manyAreDetachedAtOnceButNotAll() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        // Nobody gets on before as many as are allowed are there.
        CyclicBarrier together = new CyclicBarrier(DetachAll.AT_ONCE);
        List<String> done = new ArrayList<>();
        List<String> silent = new DetachAll(
                        one -> {
                            most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                            try {
                                together.await(20, TimeUnit.SECONDS);
                            } catch (Exception e) {
                                throw new IOException(e);
                            }
                            inside.decrementAndGet();
                            return true;
                        },
                        LONG)
                .run(devices(3 * DetachAll.AT_ONCE), one -> {
                    assertThat(one.failure()).isNull();
                    done.add(one.device().deviceId());
                });
        assertThat(silent).isEmpty();
        assertThat(done).hasSize(3 * DetachAll.AT_ONCE).doesNotHaveDuplicates();
        assertThat(most).hasValue(DetachAll.AT_ONCE);
    }

    @Test
    void oneThatHangsAndOneThatIsBusyHoldUpNobody() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        List<String> done = new ArrayList<>();
        List<String> failed = new ArrayList<>();
        List<String> silent = new DetachAll(
                        one -> {
                            if (one.deviceId().equals("d3")) {
                                try {
                                    never.await();
                                } catch (InterruptedException e) {
                                    throw new IOException(e);
                                }
                            }
                            if (one.deviceId().equals("d5")) {
                                throw new IOException("busy");
                            }
                            return true;
                        },
                        Duration.ofMillis(100),
                        Duration.ofMillis(500))
                .run(devices(30), one -> (one.failure() == null ? done : failed)
                        .add(one.device().deviceId()));
        never.countDown();
        assertThat(silent).containsExactly("d3");
        assertThat(failed).containsExactly("d5");
        assertThat(done).hasSize(28);
    }

    @Test
    void snapshotsGoBeforeTheImageThatTheyStandBeside() throws Exception {
        List<AttachedDevice> all =
                List.of(device("top", "/a", ""), device("old", "/a", "{1}"), device("older", "/a", "{2}"));
        List<String> order = Collections.synchronizedList(new ArrayList<>());
        new DetachAll(one -> order.add(one.deviceId()), LONG).run(all, one -> {});
        assertThat(order).containsExactly("old", "older", "top");
    }
}
