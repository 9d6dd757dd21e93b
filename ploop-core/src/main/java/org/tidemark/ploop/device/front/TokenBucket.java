package org.tidemark.ploop.device.front;

import java.util.concurrent.atomic.AtomicLong;

/**
 * A bucket of tokens without a timer: the moment until which everything is paid for. It may lie behind the present by the
 * burst at most; while it lies ahead, requests wait. Taking is one atomic operation.
 */
final class TokenBucket {
    private static final double SECOND = 1e9;
    /** A price above this (two hours) would say nothing any more, and sums of prices must not overflow. */
    private static final double DEAREST_NANOS = 7.2e12;

    private final double nanosPerUnit;
    private final long burstNanos;
    private final AtomicLong paidUntil;

    /** {@code unitsPerSecond} 0 for no limit. The bucket is full at {@code nowNanos}. */
    TokenBucket(long unitsPerSecond, long burstNanos, long nowNanos) {
        this.nanosPerUnit = unitsPerSecond == 0 ? 0 : SECOND / unitsPerSecond;
        this.burstNanos = burstNanos;
        this.paidUntil = new AtomicLong(nowNanos - burstNanos);
    }

    /** Takes the tokens and says how long from {@code nowNanos} to wait before they may be used. */
    long take(long units, long nowNanos) {
        if (nanosPerUnit == 0) {
            return 0;
        }
        long price = (long) Math.min(DEAREST_NANOS, units * nanosPerUnit);
        while (true) {
            long seen = paidUntil.get();
            long ahead = Math.max(-burstNanos, seen - nowNanos);
            if (paidUntil.compareAndSet(seen, nowNanos + ahead + price)) {
                return Math.max(0, ahead);
            }
        }
    }
}
