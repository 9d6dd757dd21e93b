package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.Catalogue;
import org.tidemark.backup.engine.BackupEngine;
import org.tidemark.backup.engine.NewImage;
import org.tidemark.backup.engine.RestoreEngine;
import org.tidemark.backup.engine.RestoreProgress;
import org.tidemark.backup.engine.RestoreResult;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.ImageReader;
import org.tidemark.backup.repository.log.PointList;
import org.tidemark.backup.repository.log.PointSelector;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.verify.DeepVerify;
import org.tidemark.backup.repository.verify.VerifyReport;

/** Lists, verifies and restores recovery points. */
public final class RestoreService {
    private static final int DEFAULT_CLUSTER_BYTES = 1 << 20;

    private final Repositories repositories;

    public RestoreService(Catalogue catalogue) {
        this.repositories = new Repositories(catalogue);
    }

    /** The points of a container, oldest first, and records that cannot be read. */
    public PointList points(String containerName, @Nullable String targetName) throws IOException {
        try (BackupRepository repository = repositories.open(repositories.choose(targetName))) {
            return repository.points(containerName);
        }
    }

    /** Reads and compares every chunk of what is asked for; a null name means everything in the repository. */
    public VerifyReport verify(
            @Nullable String containerName,
            @Nullable String point,
            @Nullable String targetName,
            BooleanSupplier cancelled)
            throws IOException {
        try (BackupRepository repository = repositories.open(repositories.choose(targetName))) {
            DeepVerify verify = new DeepVerify(repository, cancelled);
            if (containerName == null) {
                return verify.everything();
            }
            if (point == null) {
                return verify.container(containerName);
            }
            return verify.point(PointSelector.select(repository.points(containerName), point));
        }
    }

    /**
     * What to restore.
     *
     * @param point a selector: latest, the start of an id, or a time
     * @param imageId which image; null when the point has only one
     * @param formatId expanded or raw; null for what it was
     */
    public record Wanted(
            String containerName,
            String point,
            @Nullable String imageId,
            Path destination,
            @Nullable String formatId,
            @Nullable String targetName) {}

    /** What was restored. */
    public record Outcome(RecoveryPoint point, RestoreResult result) {}

    public Outcome restore(Wanted wanted, RestoreProgress progress, BooleanSupplier cancelled) throws IOException {
        try (BackupRepository repository = repositories.open(repositories.choose(wanted.targetName()))) {
            RecoveryPoint point = PointSelector.select(repository.points(wanted.containerName()), wanted.point());
            ImageReader reader = repository.openPoint(point).image(imageId(point, wanted));
            Shape shape = shape(point, reader.imageId(), wanted.formatId());
            NewImage image = NewImage.create(
                    wanted.destination(), shape.layout(), shape.formatId(), reader.sizeBytes(), shape.clusterBytes());
            RestoreResult result =
                    new RestoreEngine(BackupEngine.DEFAULT_WORKERS).restore(reader, image, progress, cancelled);
            return new Outcome(point, result);
        }
    }

    private static String imageId(RecoveryPoint point, Wanted wanted) {
        if (wanted.imageId() != null) {
            return wanted.imageId();
        }
        if (point.images().size() != 1) {
            throw new IllegalArgumentException("the point has " + point.images().size()
                    + " images; say which with --image: "
                    + point.images().stream().map(image -> image.imageId()).toList());
        }
        return point.images().get(0).imageId();
    }

    private record Shape(NewImage.Layout layout, String formatId, int clusterBytes) {}

    /** As the definition of the container says; a folder always holds an expanded image. */
    private static Shape shape(RecoveryPoint point, String imageId, @Nullable String formatId) {
        NewImage.Layout layout = NewImage.Layout.FOLDER;
        String format = "expanded";
        int cluster = DEFAULT_CLUSTER_BYTES;
        if (point.definition().get("images") instanceof List<?> images) {
            for (Object one : images) {
                if (one instanceof Map<?, ?> fields && imageId.equals(fields.get("id"))) {
                    layout = "file".equals(fields.get("layout")) ? NewImage.Layout.FILE : NewImage.Layout.FOLDER;
                    format = String.valueOf(fields.get("format"));
                    cluster = fields.get("clusterBytes") instanceof Number number && number.intValue() > 0
                            ? number.intValue()
                            : cluster;
                }
            }
        }
        if (formatId != null && !formatId.equals(format)) {
            return new Shape(NewImage.Layout.FILE, formatId, cluster);
        }
        return new Shape(layout, format, cluster);
    }
}
