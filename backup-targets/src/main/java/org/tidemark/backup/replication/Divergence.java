package org.tidemark.backup.replication;

import java.io.IOException;
import java.util.List;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.RepositoryException;

/** Two places with the same repository that do not hold the same records. */
public final class Divergence {
    private Divergence() {}

    static RepositoryException of(BackupRepository replica, String containerId, long sequence, String how) {
        return new RepositoryException(
                RepositoryException.Kind.DIVERGED,
                "diverged: " + replica.describe() + " holds point number " + sequence + " of container " + containerId
                        + ", " + how + "; nothing was changed");
    }

    /**
     * Makes sure that everything on {@code place} is on {@code source} too, to the byte: so that it can be a replica.
     * Reads every record of {@code place} on both.
     *
     * @throws RepositoryException OTHER_REPOSITORY, or DIVERGED, which says what is different
     */
    public static void refuse(BackupRepository source, BackupRepository place) throws IOException {
        if (!source.id().equals(place.id())) {
            throw new RepositoryException(
                    RepositoryException.Kind.OTHER_REPOSITORY,
                    place.describe() + " holds another repository than " + source.describe());
        }
        for (String containerId : place.containers()) {
            List<Long> there = place.raw().sequences(containerId);
            List<Long> here = source.raw().sequences(containerId);
            for (long sequence : there) {
                if (!here.contains(sequence)) {
                    throw of(place, containerId, sequence, "which " + source.describe() + " lacks");
                }
                if (!place.raw()
                        .record(containerId, sequence)
                        .sameBytes(source.raw().record(containerId, sequence))) {
                    throw of(place, containerId, sequence, "with other content than in " + source.describe());
                }
            }
        }
    }
}
