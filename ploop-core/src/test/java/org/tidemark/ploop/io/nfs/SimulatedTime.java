package org.tidemark.ploop.io.nfs;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/** Time that passes only when somebody sleeps, and a little whenever somebody looks. */
final class SimulatedTime implements NfsClock {
    private final AtomicLong nowNanos = new AtomicLong(1);
    private Runnable onSleep = () -> {};

    @Override
    public long nanoTime() {
        return nowNanos.addAndGet(1000);
    }

    /** Is run whenever somebody has slept. */
    void onSleep(Runnable run) {
        onSleep = run;
    }

    @Override
    public void sleep(Duration pause) {
        nowNanos.addAndGet(pause.toNanos());
        onSleep.run();
    }
}
