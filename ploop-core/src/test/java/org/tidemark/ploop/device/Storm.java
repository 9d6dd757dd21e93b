package org.tidemark.ploop.device;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.tidemark.ploop.sim.Killed;

/** Several threads at once, each with a generator of its own. */
final class Storm {
    private Storm() {}

    /** Runs until all have ended; throws what was worst: a failed assertion, an exception, {@link Killed}. */
    static void run(int threads, Random random, Body body) throws IOException {
        AtomicReference<Throwable> worst = new AtomicReference<>();
        List<Thread> running = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int number = i;
            Random own = new Random(random.nextLong());
            Thread thread = new Thread(() -> {
                try {
                    body.run(number, own);
                } catch (Throwable e) {
                    worst.accumulateAndGet(e, (was, now) -> was == null || was instanceof Killed ? now : was);
                }
            });
            running.add(thread);
            thread.start();
        }
        for (Thread thread : running) {
            join(thread);
        }
        Throwable thrown = worst.get();
        if (thrown instanceof Error error) {
            throw error;
        }
        if (thrown != null) {
            throw new IOException("in one of several threads: " + thrown, thrown);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join(20_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (thread.isAlive()) {
            throw new AssertionError("a thread hangs: " + Arrays.toString(thread.getStackTrace()));
        }
    }

    /** What one thread does. */
    interface Body {
        void run(int thread, Random own) throws IOException;
    }
}
