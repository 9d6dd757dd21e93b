package org.tidemark.backup.repository.verify;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.ImageReader;
import org.tidemark.backup.repository.RecoveryPointReader;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.chunk.ChunkGeometry;
import org.tidemark.backup.repository.log.PointImage;
import org.tidemark.backup.repository.log.PointList;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.map.MapRef;

/**
 * One verification run. Damage is collected, not thrown; a target that does not answer is thrown, for it says nothing
 * about what it holds. For one thread.
 */
public final class DeepVerify {
    public static final int MAX_DAMAGES = 1000;
    private static final int CHUNKS_OF_PAGE = 1024;
    private static final int MAX_REMEMBERED_PAGES = 1 << 18;

    private final BackupRepository repository;
    private final BooleanSupplier cancelled;
    private final ByteBuffer chunk = ByteBuffer.allocateDirect(ChunkGeometry.CHUNK_BYTES);
    /** Pages found clean. Pages are shared between points, and so is the work. */
    private final Set<List<MapRef>> cleanPages = new HashSet<>();

    private final List<Damage> damages = new ArrayList<>();
    private long damageCount;
    private long chunksRead;
    private int points;

    /**
     * A run.
     *
     * @param cancelled asked often; when true the run ends with an {@link InterruptedIOException}
     */
    public DeepVerify(BackupRepository repository, BooleanSupplier cancelled) {
        this.repository = repository;
        this.cancelled = cancelled;
    }

    /** Verifies every point of every container. */
    public VerifyReport everything() throws IOException {
        for (String containerId : repository.containers()) {
            container(containerId);
        }
        return report();
    }

    /** Verifies every point of a container, unreadable records included. */
    public VerifyReport container(String containerId) throws IOException {
        PointList list = repository.points(containerId);
        for (PointList.Unreadable record : list.unreadable()) {
            damaged(containerId, "number " + record.sequence(), "", -1, record.why());
        }
        for (RecoveryPoint point : list.points()) {
            point(point);
        }
        return report();
    }

    /** Verifies one point. */
    public VerifyReport point(RecoveryPoint point) throws IOException {
        points++;
        RecoveryPointReader reader;
        try {
            reader = repository.openPoint(point);
        } catch (RepositoryException e) {
            List<String> names =
                    point.images().stream().map(PointImage::imageId).toList();
            damaged(point.containerId(), point.pointId(), String.join(", ", names), -1, e);
            return report();
        }
        for (ImageReader image : reader.images()) {
            for (long first = 0; first < image.chunks(); first += CHUNKS_OF_PAGE) {
                page(point, image, first);
            }
        }
        return report();
    }

    private void page(RecoveryPoint point, ImageReader image, long first) throws IOException {
        long before = damageCount;
        List<MapRef> refs;
        try {
            refs = image.sharedPage(first);
            if (refs.isEmpty() || cleanPages.contains(refs)) {
                return;
            }
            image.isZero(first);
        } catch (RepositoryException e) {
            damaged(point.containerId(), point.pointId(), image.imageId(), first * ChunkGeometry.CHUNK_BYTES, e);
            return;
        }
        int most = image.preferredReadBytes() / ChunkGeometry.CHUNK_BYTES;
        int stretch = most == 0 ? CHUNKS_OF_PAGE : Math.max(1, most);
        long end = Math.min(first + CHUNKS_OF_PAGE, image.chunks());
        for (long at = first; at < end; at += stretch) {
            stretch(point, image, at, Math.min(end, at + stretch));
        }
        if (damageCount == before && cleanPages.size() < MAX_REMEMBERED_PAGES) {
            cleanPages.add(refs);
        }
    }

    private void stretch(RecoveryPoint point, ImageReader image, long first, long end) throws IOException {
        try (ImageReader.Ahead ahead =
                image.ahead(first * ChunkGeometry.CHUNK_BYTES, (end - first) * ChunkGeometry.CHUNK_BYTES)) {
            for (long at = first; at < end; at++) {
                if (cancelled.getAsBoolean()) {
                    throw new InterruptedIOException("the verification was cancelled");
                }
                try {
                    if (ahead.readChunk(at, chunk.clear())) {
                        chunksRead++;
                    }
                } catch (RepositoryException e) {
                    damaged(point.containerId(), point.pointId(), image.imageId(), at * ChunkGeometry.CHUNK_BYTES, e);
                }
            }
        }
    }

    private void damaged(String containerId, String point, String imageId, long offsetBytes, RepositoryException e) {
        damageCount++;
        if (damages.size() < MAX_DAMAGES) {
            damages.add(new Damage(containerId, point, imageId, offsetBytes, String.valueOf(e.getMessage())));
        }
    }

    /** What was seen so far, over all calls of this run. */
    public VerifyReport report() {
        return new VerifyReport(points, chunksRead, List.copyOf(damages), damageCount);
    }
}
