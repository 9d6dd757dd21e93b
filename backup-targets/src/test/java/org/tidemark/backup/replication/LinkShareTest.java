package org.tidemark.backup.replication;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.backup.target.LinkPace;
import org.tidemark.backup.target.Pauses;

@Timeout(60)
class LinkShareTest {
    private static final long SECOND = 1_000_000_000L;

    /** Time passes only while somebody sleeps. */
    private static final class SimulatedTime implements Pauses {
        private final AtomicLong nanos = new AtomicLong(123);
        private volatile Runnable whileSleeping = () -> {};

        @Override
        public long nanoTime() {
            return nanos.get();
        }

        @Override
        public void sleep(Duration pause) {
            whileSleeping.run();
            nanos.addAndGet(pause.toNanos());
        }
    }

    private final SimulatedTime time = new SimulatedTime();
    private final AtomicLong rate = new AtomicLong();
    private final LinkShare link = new LinkShare(rate::get, time);

    private double secondsFor(long bytes) throws Exception {
        long start = time.nanoTime();
        for (long rest = bytes; rest > 0; rest -= LinkPace.TURN_BYTES) {
            link.await((int) Math.min(rest, LinkPace.TURN_BYTES));
        }
        return (time.nanoTime() - start) / (double) SECOND;
    }

    @Test
    void theRateIsKept() throws Exception {
        for (long bytesPerSecond : new long[] {8_000, 250_000, 1 << 20, 500L << 20}) {
            rate.set(bytesPerSecond);
            double seconds = secondsFor(bytesPerSecond * 20);
            // A tenth of a second may be used up at once.
            assertThat(seconds).isBetween(19.89, 20.1);
            time.sleep(Duration.ofHours(1));
        }
    }

    @Test
    void timeInWhichNobodySentIsNotMadeUpFor() throws Exception {
        rate.set(1 << 20);
        secondsFor(1 << 20);
        time.sleep(Duration.ofMinutes(10));
        assertThat(secondsFor(10 << 20)).isBetween(9.89, 10.1);
    }

    @Test
    void aChangeOfTheRateCountsAtOnce() throws Exception {
        rate.set(1_000);
        long start = time.nanoTime();
        time.whileSleeping = () -> {
            if (time.nanoTime() - start > 2 * SECOND) {
                rate.set(64 << 10);
            }
        };
        assertThat(secondsFor(64 << 10)).isBetween(2.5, 3.2);
        rate.set(LinkShare.UNLIMITED);
        assertThat(secondsFor(1L << 40)).isZero();
    }

    @Test
    void offLetsWhatIsUnderWayEnd() throws Exception {
        rate.set(1 << 20);
        assertThat(link.isOff()).isFalse();
        secondsFor(1 << 20);
        rate.set(0);
        assertThat(link.isOff()).isTrue();
        assertThat(secondsFor(4 << 20)).isBetween(3.8, 4.2);
    }

    @Test
    void runsGetTheSameOfTheLink() throws Exception {
        rate.set(1 << 20);
        int runs = 3;
        List<Integer> order = Collections.synchronizedList(new ArrayList<>());
        List<Thread> threads = new ArrayList<>();
        AtomicInteger finished = new AtomicInteger();
        // As long as all want the link, time stands still until all others are in the queue; also those that the
        // machine has not begun to run yet.
        time.whileSleeping = () -> {
            while (link.waiting() < runs - finished.get() - 1) {
                Thread.onSpinWait();
            }
        };
        for (int run = 0; run < runs; run++) {
            int mine = run;
            threads.add(new Thread(() -> {
                try {
                    for (int turn = 0; turn < 100; turn++) {
                        link.await(LinkPace.TURN_BYTES);
                        order.add(mine);
                    }
                } catch (java.io.InterruptedIOException e) {
                    throw new IllegalStateException(e);
                } finally {
                    finished.incrementAndGet();
                }
            }));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        // Whoever has had a turn is behind the others: in any stretch all have about the same.
        for (int first = 10; first + 60 <= 240; first += 10) {
            List<Integer> stretch = order.subList(first, first + 60);
            for (int run = 0; run < runs; run++) {
                int one = run;
                assertThat(stretch.stream().filter(other -> other == one).count())
                        .as("turns of run " + run + " in " + stretch)
                        .isBetween(17L, 23L);
            }
        }
    }
}
