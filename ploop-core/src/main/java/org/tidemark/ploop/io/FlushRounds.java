package org.tidemark.ploop.io;

import java.io.IOException;

/**
 * Lets callers share flushes: whoever asks while one is under way waits for the next one, which serves everybody who asked
 * before it began.
 */
public final class FlushRounds {
    /** Guarded by this, as all below. */
    private long asked;

    private long done;
    private boolean running;

    /** Returns after a round of {@code work} that began after this call did. Throws what that round threw, to its leader. */
    public void flush(Work work) throws IOException {
        long mine;
        synchronized (this) {
            mine = ++asked;
        }
        while (true) {
            long target;
            synchronized (this) {
                while (running && done < mine) {
                    waitForOthers();
                }
                if (done >= mine) {
                    return;
                }
                running = true;
                target = asked;
            }
            boolean finished = false;
            try {
                work.run();
                finished = true;
            } finally {
                synchronized (this) {
                    running = false;
                    if (finished) {
                        done = Math.max(done, target);
                    }
                    notifyAll();
                }
            }
        }
    }

    private void waitForOthers() {
        boolean interrupted = false;
        try {
            wait(1000);
        } catch (InterruptedException e) {
            interrupted = true;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** One flush. */
    @FunctionalInterface
    public interface Work {
        void run() throws IOException;
    }
}
