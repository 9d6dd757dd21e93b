package org.tidemark.appliance.service;

import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.backup.repository.log.Grade;
import org.tidemark.backup.repository.log.PointCounters;
import org.tidemark.backup.repository.log.RecoveryPoint;

/** Points for tests that ask what the appliance thinks of them, not what is in them. */
final class KnownPoints {
    static final String REPOSITORY = "00112233445566778899aabbccddeeff";

    private final TargetEntry target;
    private final Points points;
    private long sequence;

    KnownPoints(TargetEntry target, Points points) {
        this.target = target;
        this.points = points;
    }

    /** Remembers one more point; returns its id. */
    String add(String container, Instant instant) throws IOException {
        sequence++;
        String id = String.format("%016x", sequence);
        points.add(
                target,
                new RecoveryPoint(
                        REPOSITORY,
                        container,
                        sequence,
                        id,
                        "ffeeddccbbaa99887766554433221100",
                        Optional.empty(),
                        instant,
                        instant,
                        Grade.CRASH,
                        0,
                        Map.of(),
                        List.of(),
                        new PointCounters(0, 0, 0, 0, 0, 0, 0)));
        return id;
    }
}
