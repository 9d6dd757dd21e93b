package org.tidemark.ploop.device.front;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** How much of the time is a backup's, by a clock that passes only where something is waited for. */
class BackupTurnsTest {
    private static final long READ_NANOS = 3_000_000;

    private long now = 5;
    private long paused;
    private final BackupTurns turns = new BackupTurns(() -> now, nanos -> {
        now += nanos;
        paused += nanos;
    });

    private void reads(int count) {
        for (int i = 0; i < count; i++) {
            long begun = turns.enter();
            now += READ_NANOS;
            turns.leave(begun);
        }
    }

    /** A request of the container ends. */
    private void request() {
        turns.end(turns.begin());
    }

    @Test
    void besideAnIdleContainerNothingIsWaitedFor() {
        turns.viewOpened();
        reads(100);
        assertThat(paused).isZero();
    }

    @Test
    void besideAnActiveContainerABackupHasHalfOfTheTime() {
        turns.viewOpened();
        for (int i = 0; i < 100; i++) {
            request();
            reads(1);
        }
        // Between two reads it waits as long as one takes.
        assertThat(paused).isEqualTo(99 * READ_NANOS);
    }

    @Test
    void aContainerThatStopsIsWaitedForNoLonger() {
        turns.viewOpened();
        request();
        reads(100);
        assertThat(paused).as("its activity ends after 10 ms").isBetween(READ_NANOS, BackupTurns.ACTIVE_NANOS);
    }

    @Test
    void besideAContainerWhoseRequestHangsItGoesOnSlowly() {
        turns.viewOpened();
        boolean hanging = turns.begin();
        now += BackupTurns.ACTIVE_NANOS;
        long begun = now;
        reads(10);
        assertThat(now - begun)
                .isBetween(
                        10 * (READ_NANOS + BackupTurns.LONGEST_STALL_NANOS),
                        10 * (2 * READ_NANOS + BackupTurns.LONGEST_STALL_NANOS));
        turns.end(hanging);
    }

    @Test
    void aContainerWithoutABackupIsNotCounted() {
        assertThat(turns.begin()).isFalse();
        turns.viewOpened();
        assertThat(turns.begin()).isTrue();
        turns.end(true);
        turns.viewClosed();
        assertThat(turns.begin()).isFalse();
    }
}
