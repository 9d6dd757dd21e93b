package org.tidemark.ploop.device;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * That a device was aborted, and why, where a successor finds it: it must not believe the medium either.
 *
 * <pre>
 *   0   1 when aborted (int), stored last
 *   4   bytes of the reason (int)
 *   8   the reason, UTF-8
 * </pre>
 */
final class AbortRecord {
    private static final int BYTES = 4096;
    private static final int LENGTH = 4;
    private static final int REASON = 8;
    private static final int ABORTED = 1;
    private static final int MOST_REASON_BYTES = 1024;

    private final AlignedBuffer kept;

    private AbortRecord(AlignedBuffer kept) {
        this.kept = kept;
    }

    /** The one in {@code area}; of a fresh device it is empty. */
    static AbortRecord in(StateArea area) throws IOException {
        AbortRecord record = new AbortRecord(area.region("device", BYTES));
        if (!area.resumed()) {
            record.kept.putInt(0, 0);
        }
        return record;
    }

    boolean isSet() {
        return kept.getInt(0) == ABORTED;
    }

    void set(String reason) {
        byte[] bytes = reason.getBytes(StandardCharsets.UTF_8);
        byte[] stored = Arrays.copyOf(bytes, Math.min(bytes.length, MOST_REASON_BYTES));
        kept.bytes().put(REASON, stored);
        kept.putInt(LENGTH, stored.length);
        kept.putInt(0, ABORTED);
    }

    /** Empty when it is not set. */
    String reason() {
        if (!isSet()) {
            return "";
        }
        byte[] stored = new byte[Math.min(MOST_REASON_BYTES, Math.max(0, kept.getInt(LENGTH)))];
        kept.bytes().get(REASON, stored);
        return new String(stored, StandardCharsets.UTF_8);
    }
}
