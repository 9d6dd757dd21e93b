package org.tidemark.ploop.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class AdmissionGateTest {
    private static final long SECOND = 1_000_000_000L;
    private static final long MOMENT = 20_000_000L;

    private final AdmissionGate gate = new AdmissionGate();
    private final ExecutorService pool = Executors.newFixedThreadPool(6);

    @AfterEach
    void stop() throws InterruptedException {
        pool.shutdownNow();
        assertThat(pool.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void shutsAtOnceWhenNobodyIsInside() {
        assertThat(gate.shut(0)).isTrue();
        assertThat(gate.isShut()).isTrue();
        gate.reopen();
        assertThat(gate.isShut()).isFalse();
        gate.enter();
        gate.leave();
    }

    @Test
    void opensAgainWhenAWriterDoesNotLeaveInTime() {
        gate.enter();
        assertThat(gate.shut(MOMENT)).isFalse();
        assertThat(gate.isShut()).isFalse();
        gate.leave();
        assertThat(gate.shut(MOMENT)).isTrue();
        gate.reopen();
    }

    @Test
    void aSecondThreadWaitsUntilTheFirstReopens() throws Exception {
        assertThat(gate.shut(SECOND)).isTrue();
        assertThat(gate.shut(MOMENT)).as("shut by another one").isFalse();
        assertThat(gate.isShut()).as("still shut for the first").isTrue();
        Future<Boolean> second = pool.submit(() -> gate.shut(10 * SECOND));
        Future<?> writer = pool.submit(gate::enter);
        TimeUnit.NANOSECONDS.sleep(MOMENT);
        assertThat(second.isDone()).isFalse();
        assertThat(writer.isDone()).as("no writer gets in between").isFalse();
        gate.reopen();
        // The writer may be faster than the second thread, which then waits for it.
        TimeUnit.NANOSECONDS.sleep(MOMENT);
        if (writer.isDone()) {
            gate.leave();
            assertThat(second.get(10, TimeUnit.SECONDS)).isTrue();
            gate.reopen();
        } else {
            assertThat(second.get(10, TimeUnit.SECONDS)).isTrue();
            gate.reopen();
            writer.get(10, TimeUnit.SECONDS);
            gate.leave();
        }
    }

    @Test
    void nobodyIsInsideWhileItIsShut() throws Exception {
        AtomicBoolean stop = new AtomicBoolean();
        AtomicInteger inside = new AtomicInteger();
        for (int i = 0; i < 3; i++) {
            pool.submit(() -> {
                while (!stop.get()) {
                    gate.enter();
                    inside.incrementAndGet();
                    inside.decrementAndGet();
                    gate.leave();
                }
            });
        }
        Future<?>[] shutters = new Future<?>[2];
        for (int i = 0; i < shutters.length; i++) {
            shutters[i] = pool.submit(() -> {
                for (int round = 0; round < 300; round++) {
                    if (gate.shut(10 * SECOND)) {
                        for (int look = 0; look < 50; look++) {
                            assertThat(inside.get()).isZero();
                        }
                        gate.reopen();
                    }
                }
            });
        }
        for (Future<?> shutter : shutters) {
            shutter.get(50, TimeUnit.SECONDS);
        }
        stop.set(true);
    }
}
