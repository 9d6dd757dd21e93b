package org.tidemark.appliance.security;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Slows down whoever tries secrets: some failures are free, then each further one doubles the wait, up to a limit. An attempt
 * counts as failed from its begin until it {@link #succeeded}, so that many at once gain nothing. Remembers a bounded number of
 * keys and forgets the oldest.
 */
final class AttemptLimit {
    private static final int MAX_DOUBLINGS = 20;

    private final InstantSource clock;
    private final int free;
    private final Duration longest;
    private final Duration forgotten;
    private final int maxKeys;
    /** In the order of their last attempt. Guarded by this. */
    private final Map<String, Failures> byKey = new LinkedHashMap<>();

    private record Failures(int count, Instant last) {}

    /**
     * @param free failures without a wait
     * @param longest a wait is never longer
     * @param forgotten after this long without an attempt all is forgotten
     */
    AttemptLimit(InstantSource clock, int free, Duration longest, Duration forgotten, int maxKeys) {
        this.clock = clock;
        this.free = free;
        this.longest = longest;
        this.forgotten = forgotten;
        this.maxKeys = maxKeys;
    }

    /** Begins an attempt; when it must not, counts nothing and says how long to wait. */
    synchronized Duration begin(String key) {
        Failures before = byKey.get(key);
        Instant now = clock.instant();
        if (before != null && before.last().plus(forgotten).isBefore(now)) {
            before = null;
        }
        Duration left = before == null ? Duration.ZERO : left(before, now);
        if (left.isZero()) {
            byKey.remove(key);
            byKey.put(key, new Failures(before == null ? 1 : before.count() + 1, now));
            if (byKey.size() > maxKeys) {
                byKey.remove(byKey.keySet().iterator().next());
            }
        }
        return left;
    }

    private Duration left(Failures failures, Instant now) {
        if (failures.count() < free) {
            return Duration.ZERO;
        }
        Duration wait = Duration.ofSeconds(1L << Math.min(failures.count() - free, MAX_DOUBLINGS));
        Instant end = failures.last().plus(wait.compareTo(longest) < 0 ? wait : longest);
        return end.isAfter(now) ? Duration.between(now, end) : Duration.ZERO;
    }

    /** Forgets the failures of this key. */
    synchronized void succeeded(String key) {
        byKey.remove(key);
    }

    /** Takes back one attempt that says nothing. */
    synchronized void undone(String key) {
        byKey.computeIfPresent(
                key,
                (k, failures) -> failures.count() <= 1 ? null : new Failures(failures.count() - 1, failures.last()));
    }

    synchronized int keys() {
        return byKey.size();
    }
}
