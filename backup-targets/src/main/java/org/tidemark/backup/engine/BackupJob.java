package org.tidemark.backup.engine;

import java.util.List;
import java.util.Optional;
import org.tidemark.backup.repository.PointDescription;
import org.tidemark.backup.repository.log.RecoveryPoint;

/**
 * One backup: all images of one container, frozen at one instant.
 *
 * @param sources its images, 1 to 64, each with another id
 * @param parent the point to compare with; must be the one that incremental sources count from. Empty for none
 */
public record BackupJob(
        String containerId, List<DiskSource> sources, Optional<RecoveryPoint> parent, PointDescription description) {}
