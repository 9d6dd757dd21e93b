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
    private boolean alone;

    /** Returns after a round of {@code work} that began after this call did. Throws what that round threw, to its leader. */
    public void flush(Work work) throws IOException {
        flush(work, true);
    }

    /** The same, but returns false at once while somebody is {@linkplain #alone alone}, who may be waiting for the caller. */
    public boolean flushUnlessAlone(Work work) throws IOException {
        return flush(work, false);
    }

    private boolean flush(Work work, boolean patient) throws IOException {
        long mine;
        synchronized (this) {
            mine = ++asked;
        }
        while (true) {
            long target;
            synchronized (this) {
                while (running && done < mine && (patient || !alone)) {
                    waitForOthers();
                }
                if (done >= mine) {
                    return true;
                }
                if (running) {
                    return false;
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

    /** Runs {@code work} while no round is under way; nobody's round begins before it has ended. It counts as no round. */
    public void alone(Work work) throws IOException {
        synchronized (this) {
            while (running) {
                waitForOthers();
            }
            running = true;
            alone = true;
            notifyAll();
        }
        try {
            work.run();
        } finally {
            synchronized (this) {
                running = false;
                alone = false;
                notifyAll();
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
