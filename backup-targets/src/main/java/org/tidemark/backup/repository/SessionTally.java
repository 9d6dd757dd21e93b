package org.tidemark.backup.repository;

import java.util.concurrent.atomic.LongAdder;
import org.tidemark.backup.repository.log.PointCounters;
import org.tidemark.backup.repository.pack.PackWriter;

/** What a session has done so far. Safe for many threads. */
final class SessionTally {
    private final LongAdder chunksRead = new LongAdder();
    private final LongAdder chunksChanged = new LongAdder();
    private final LongAdder chunksShipped = new LongAdder();
    private final LongAdder bytesRead = new LongAdder();
    private final LongAdder bytesShipped = new LongAdder();

    void stored(StoreOutcome outcome, long readBytes) {
        chunksRead.increment();
        bytesRead.add(readBytes);
        if (outcome != StoreOutcome.UNCHANGED) {
            chunksChanged.increment();
        }
    }

    void shipped(int rawBytes) {
        chunksShipped.increment();
        bytesShipped.add(rawBytes);
    }

    void zeroed(long chunks) {
        chunksChanged.add(chunks);
    }

    PointCounters counters(PackWriter packs) {
        return new PointCounters(
                chunksRead.sum(),
                chunksChanged.sum(),
                chunksShipped.sum(),
                bytesRead.sum(),
                bytesShipped.sum(),
                packs.bytes(),
                packs.packs());
    }
}
