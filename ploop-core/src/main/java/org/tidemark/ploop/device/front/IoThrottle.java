package org.tidemark.ploop.device.front;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Holds requests back to a limit that may change at any time; who waits then waits by the new one. */
final class IoThrottle {
    /** How long a change of the limit goes unnoticed by those who wait. */
    private static final long LOOK_NANOS = 20_000_000;

    /** A limit and its buckets, replaced as one. */
    private static final class Buckets {
        private final IoLimit limit;
        private final TokenBucket requests;
        private final TokenBucket bytes;

        Buckets(IoLimit limit) {
            long now = System.nanoTime();
            long burst = TimeUnit.MILLISECONDS.toNanos(limit.burstMillis());
            this.limit = limit;
            this.requests = new TokenBucket(limit.requestsPerSecond(), burst, now);
            this.bytes = new TokenBucket(limit.bytesPerSecond(), burst, now);
        }
    }

    private volatile Buckets buckets;

    IoThrottle(IoLimit limit) {
        buckets = new Buckets(limit);
    }

    IoLimit limit() {
        return buckets.limit;
    }

    void change(IoLimit limit) {
        buckets = new Buckets(limit);
    }

    /** Waits until a request of so many bytes may begin. */
    void admit(long bytes) {
        Buckets now = buckets;
        while (now.limit.limits() && !paid(now, bytes)) {
            now = buckets;
        }
    }

    /** False when the limit changed while it was waited for. */
    private boolean paid(Buckets from, long bytes) {
        long begin = System.nanoTime();
        long wait = Math.max(from.requests.take(1, begin), from.bytes.take(bytes, begin));
        long left = wait;
        while (left > 0) {
            if (buckets != from) {
                return false;
            }
            LockSupport.parkNanos(this, Math.min(left, LOOK_NANOS));
            left = wait - (System.nanoTime() - begin);
        }
        return true;
    }
}
