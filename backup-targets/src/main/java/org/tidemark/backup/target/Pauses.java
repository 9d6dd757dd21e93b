package org.tidemark.backup.target;

import java.time.Duration;

/** Time as a retrying caller needs it, so that a test needs none. */
public interface Pauses {
    /** Nanoseconds from an arbitrary instant on. */
    long nanoTime();

    /** Lets {@code pause} pass. */
    void sleep(Duration pause) throws InterruptedException;

    /** Real time. */
    Pauses REAL = new Pauses() {
        @Override
        public long nanoTime() {
            return System.nanoTime();
        }

        @Override
        public void sleep(Duration pause) throws InterruptedException {
            Thread.sleep(pause.toMillis());
        }
    };
}
