package org.tidemark.backup.repository.log;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tidemark.backup.repository.RepositoryException;

/**
 * One restorable instant of one container, all its images together, as its log record tells.
 *
 * @param sequence its number in the container's log, from 1
 * @param pointId 16 hex digits
 * @param nonce told nobody else: by it a writer knows its own record again
 * @param parentPointId lineage; never needed for reading
 * @param instant when the images were frozen
 * @param definition the container's definition; not interpreted
 */
public record RecoveryPoint(
        String repositoryId,
        String containerId,
        long sequence,
        String pointId,
        String nonce,
        Optional<String> parentPointId,
        Instant instant,
        Instant committedAt,
        Grade grade,
        long freezeMillis,
        Map<String, Object> definition,
        List<PointImage> images,
        PointCounters counters) {
    /** The image of that name. */
    public PointImage image(String imageId) throws RepositoryException {
        for (PointImage image : images) {
            if (image.imageId().equals(imageId)) {
                return image;
            }
        }
        throw new RepositoryException(
                RepositoryException.Kind.NOT_FOUND,
                "point " + pointId + " of container " + containerId + " has no image '" + imageId + "'; it has "
                        + images.stream().map(PointImage::imageId).toList());
    }

    /** Whether the point has an image of that name. */
    public boolean hasImage(String imageId) {
        return images.stream().anyMatch(image -> image.imageId().equals(imageId));
    }
}
