package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.engine.BackupEngine;
import org.tidemark.backup.engine.NewImage;
import org.tidemark.backup.engine.RestoreEngine;
import org.tidemark.backup.engine.RestoreProgress;
import org.tidemark.backup.engine.RestoreResult;
import org.tidemark.backup.engine.RestoreSink;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.ImageReader;
import org.tidemark.backup.repository.log.RecoveryPoint;

/** Makes images from recovery points. */
public final class RestoreService {
    private static final int DEFAULT_CLUSTER_BYTES = 1 << 20;

    private RestoreService() {}

    /**
     * What to restore.
     *
     * @param imageId which image; null when the point has only one
     * @param destination must not exist
     * @param formatId expanded, qcow2 or raw; null for what it was
     */
    public record Wanted(
            RecoveryPoint point,
            @Nullable String imageId,
            Path destination,
            @Nullable String formatId) {}

    /** Hears that everything is written; next the image is made durable and gets its name. */
    public interface Completion {
        /**
         * Called once.
         *
         * @param key {@link NewImage#key} of the image
         */
        void complete(String key, long sizeBytes, long writtenBytes) throws IOException;
    }

    /** Makes a new image from a point. Nothing of it is left when it fails. */
    public static RestoreResult restore(
            BackupRepository repository,
            Wanted wanted,
            RestoreProgress progress,
            Completion completion,
            BooleanSupplier cancelled)
            throws IOException {
        RecoveryPoint point = wanted.point();
        ImageReader reader = repository.openPoint(point).image(imageId(point, wanted));
        Shape shape = shape(point, reader.imageId(), wanted.formatId());
        NewImage image = NewImage.create(
                wanted.destination(), shape.layout(), shape.formatId(), reader.sizeBytes(), shape.clusterBytes());
        return new RestoreEngine(BackupEngine.DEFAULT_WORKERS)
                .restore(reader, new AnnouncedImage(image, reader.sizeBytes(), completion), progress, cancelled);
    }

    /** An image that says when it is complete. */
    private static final class AnnouncedImage implements RestoreSink {
        private final NewImage image;
        private final long sizeBytes;
        private final Completion completion;
        private final LongAdder writtenBytes = new LongAdder();

        AnnouncedImage(NewImage image, long sizeBytes, Completion completion) {
            this.image = image;
            this.sizeBytes = sizeBytes;
            this.completion = completion;
        }

        @Override
        public void write(long offsetBytes, ByteBuffer data) throws IOException {
            int length = data.remaining();
            image.write(offsetBytes, data);
            writtenBytes.add(length);
        }

        @Override
        public void finish() throws IOException {
            completion.complete(image.key(), sizeBytes, writtenBytes.sum());
            image.finish();
        }

        @Override
        public void abandon() {
            image.abandon();
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
