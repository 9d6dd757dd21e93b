package org.tidemark.scheduler;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;

/**
 * Spreads the runs of one slot, so that a hundred containers with one policy do not freeze and read at the same second.
 * The delay depends only on (policy, container, slot): asked again, also after a restart, it is the same. It stays
 * below half the gap to the next slot, so runs neither change their order nor reach into the next slot.
 */
public record Jitter(Duration most) {
    /** Every run at its slot. */
    public static final Jitter NONE = new Jitter(Duration.ZERO);

    private static final long FNV_OFFSET = 0xcbf29ce484222325L;
    private static final long FNV_PRIME = 0x100000001b3L;

    public Jitter {
        if (most.isNegative() || most.toNanosPart() != 0) {
            throw new IllegalArgumentException("jitter is a whole number of seconds, 0 or more: " + most);
        }
    }

    /** When the run of a slot is due. */
    public Instant due(String policy, String container, Schedule schedule, Instant slot) {
        long half = Duration.between(slot, schedule.next(slot)).toSeconds() / 2;
        long bound = Math.min(most.toSeconds(), half);
        if (bound <= 0) {
            return slot;
        }
        long hash = FNV_OFFSET;
        for (byte b : (policy + '\n' + container + '\n' + slot.getEpochSecond()).getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ b) * FNV_PRIME;
        }
        // FNV leaves its last bytes in the low bits only; this spreads them.
        hash = (hash ^ hash >>> 32) * 0xd6e8feb86659fd93L;
        hash ^= hash >>> 32;
        return slot.plusSeconds(Long.remainderUnsigned(hash, bound));
    }
}
