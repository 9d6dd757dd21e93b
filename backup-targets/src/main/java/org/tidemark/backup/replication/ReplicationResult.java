package org.tidemark.backup.replication;

import java.util.List;
import java.util.Optional;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.log.RecoveryPoint;

/**
 * What a run did for one container.
 *
 * @param points records written
 * @param packs packs sent
 * @param bytesSent their bytes, and those of the records
 * @param newest the newest point that arrived in this run
 * @param linkWentOff whether it ended early because the link may not be used now
 * @param damaged why points were left out, in the order of the points; empty when none was
 */
public record ReplicationResult(
        int points,
        int packs,
        long bytesSent,
        Optional<RecoveryPoint> newest,
        boolean linkWentOff,
        List<RepositoryException> damaged) {}
