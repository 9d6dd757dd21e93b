package org.tidemark.ploop.io.nfs;

import java.time.Duration;

/** Time as this package needs it, so that a simulation may bring its own. */
interface NfsClock {
    /** The time of this host. */
    NfsClock REAL = new NfsClock() {
        @Override
        public long nanoTime() {
            return System.nanoTime();
        }

        @Override
        public void sleep(Duration pause) throws InterruptedException {
            Thread.sleep(pause.toMillis());
        }
    };

    /** Nanoseconds since some moment; never runs back. */
    long nanoTime();

    void sleep(Duration pause) throws InterruptedException;
}
