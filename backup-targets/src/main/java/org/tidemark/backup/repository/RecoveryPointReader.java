package org.tidemark.backup.repository;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tidemark.backup.repository.log.PointImage;
import org.tidemark.backup.repository.log.RecoveryPoint;

/** Reads one recovery point, anywhere in its images. Safe for many threads. Needs no closing. */
public final class RecoveryPointReader {
    private final RecoveryPoint point;
    private final Map<String, ImageReader> images;

    private RecoveryPointReader(RecoveryPoint point, Map<String, ImageReader> images) {
        this.point = point;
        this.images = images;
    }

    static RecoveryPointReader open(BackupRepository repository, RecoveryPoint point) throws IOException {
        Map<String, ImageReader> images = new LinkedHashMap<>();
        for (PointImage image : point.images()) {
            images.put(image.imageId(), ImageReader.open(repository, point, image));
        }
        return new RecoveryPointReader(point, images);
    }

    public RecoveryPoint point() {
        return point;
    }

    /** In the order they were backed up. */
    public List<ImageReader> images() {
        return List.copyOf(images.values());
    }

    /** The image of that name; NOT_FOUND when the point has none. */
    public ImageReader image(String imageId) throws RepositoryException {
        ImageReader image = images.get(point.image(imageId).imageId());
        if (image == null) {
            throw new IllegalStateException("image " + imageId + " is in the point and was not opened");
        }
        return image;
    }
}
