package org.tidemark.appliance.cli;

import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.log.PointCounters;
import org.tidemark.backup.repository.log.RecoveryPoint;

/** A recovery point as a row of a table. */
final class PointRow {
    private PointRow() {}

    static Map<String, @Nullable Object> of(RecoveryPoint point) {
        PointCounters counters = point.counters();
        return Output.fields(
                "point", point.pointId(),
                "number", point.sequence(),
                "instant", point.instant().toString(),
                "grade", point.grade().name().toLowerCase(Locale.ROOT),
                "freezeMillis", point.freezeMillis(),
                "chunksRead", counters.chunksRead(),
                "chunksChanged", counters.chunksChanged(),
                "chunksShipped", counters.chunksShipped(),
                "bytesStored", counters.bytesStored());
    }
}
