package org.tidemark.backup.repository;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.chunk.ChunkId;
import org.tidemark.backup.repository.index.ChunkIndex;
import org.tidemark.backup.repository.log.CbtCheckpoint;
import org.tidemark.backup.repository.log.PointCounters;
import org.tidemark.backup.repository.log.PointImage;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.map.ImageMap;
import org.tidemark.backup.repository.map.ImageMapBuilder;
import org.tidemark.backup.repository.map.MapRef;
import org.tidemark.backup.repository.pack.PackWriter;
import org.tidemark.backup.repository.pack.SegmentEncoder;
import org.tidemark.backup.repository.pack.SegmentKind;
import org.tidemark.backup.repository.pack.SegmentRef;

/**
 * Writes one recovery point. Declare its images, store chunks through one {@link ChunkWriter} for each thread, close
 * the writers, commit.
 *
 * <p>What is not stored stays as it is in the parent, or zero when there is none. Each chunk is stored at most once.
 * {@link SessionImage#sealBelow}, called now and then, bounds the memory that the map of a large image takes.
 *
 * <p>Nothing is visible to anybody before {@link #commit} has returned. Whatever ends a session otherwise, a crash too,
 * leaves packs that nobody names. After any failure the session can only be aborted.
 */
public final class BackupSession implements AutoCloseable {
    /** Chunks stored by this session and perhaps not durable yet; what does not fit is in the shared index soon. */
    private static final int SESSION_INDEX_ENTRIES = 1 << 17;

    private final BackupRepository repository;
    private final String containerId;
    private final long sequence;
    private final Optional<RecoveryPoint> parent;
    private final PackWriter packs;
    private final ChunkIndex ownChunks = new ChunkIndex(SESSION_INDEX_ENTRIES);
    private final SessionTally tally = new SessionTally();
    /** Used under its own lock. */
    private final SegmentEncoder nodeEncoder;

    private final AtomicReference<@Nullable Exception> failure = new AtomicReference<>();
    /** Guarded by this. */
    private final Map<String, SessionImage> images = new LinkedHashMap<>();
    /** Guarded by this. */
    private boolean ended;

    BackupSession(BackupRepository repository, String containerId, long sequence, Optional<RecoveryPoint> parent) {
        this.repository = repository;
        this.containerId = containerId;
        this.sequence = sequence;
        this.parent = parent;
        packs = repository.newPackWriter();
        nodeEncoder = new SegmentEncoder(repository.options().zstdLevel());
    }

    /** The number the point will have. */
    public long sequence() {
        return sequence;
    }

    /**
     * An image of which everything is read, for {@code reason}. It may be new, or of another size than in the parent.
     */
    public SessionImage fullImage(String imageId, long sizeBytes, String reason, Optional<CbtCheckpoint> checkpoint)
            throws IOException {
        ImageMap before = parent.isPresent() && parent.get().hasImage(imageId)
                ? repository.openMap(parent.get().image(imageId).root())
                : null;
        return declare(imageId, sizeBytes, Optional.of(reason), checkpoint, before);
    }

    /**
     * An image of which only changes are read. The parent must have it, and not larger; what the disk has got since is zero
     * where no change says otherwise.
     */
    public SessionImage incrementalImage(String imageId, long sizeBytes, Optional<CbtCheckpoint> checkpoint)
            throws IOException {
        if (parent.isEmpty() || !parent.get().hasImage(imageId)) {
            throw new IllegalArgumentException("image " + imageId + " has no parent to be an increment of");
        }
        PointImage before = parent.get().image(imageId);
        if (before.sizeBytes() > sizeBytes) {
            throw new IllegalArgumentException("image " + imageId + " has " + sizeBytes + " bytes, in the parent "
                    + before.sizeBytes() + ": everything has to be read");
        }
        return declare(imageId, sizeBytes, Optional.empty(), checkpoint, repository.openMap(before.root()));
    }

    private synchronized SessionImage declare(
            String imageId,
            long sizeBytes,
            Optional<String> fullReason,
            Optional<CbtCheckpoint> checkpoint,
            @Nullable ImageMap before) {
        checkOpen();
        ImageMapBuilder map = new ImageMapBuilder(before, sizeBytes, this::appendNode);
        SessionImage image = new SessionImage(this, imageId, sizeBytes, fullReason, checkpoint, map);
        if (images.putIfAbsent(imageId, image) != null) {
            throw new IllegalArgumentException("image " + imageId + " is declared twice");
        }
        return image;
    }

    /** A writer for one thread. Close it before the commit. */
    public ChunkWriter newWriter() {
        return new ChunkWriter(this, repository.options().zstdLevel());
    }

    /** What was done so far; also the bytes of packs still on their way. */
    public PointCounters counters() {
        return tally.counters(packs);
    }

    /**
     * Makes the point exist: the packs become durable, then the log record. Durable on return; the session has ended
     * then.
     *
     * @throws RepositoryException CONFLICT when another session committed since this one began
     */
    public synchronized RecoveryPoint commit(PointDescription description) throws IOException {
        checkOpen();
        Exception broken = failure.get();
        if (broken != null) {
            throw new IllegalStateException("the session has failed and cannot commit: " + broken.getMessage(), broken);
        }
        if (images.isEmpty()) {
            throw new IllegalStateException("a point needs an image");
        }
        try {
            // A crash from here to the record leaves packs that nobody names.
            List<PointImage> finished = new ArrayList<>();
            for (SessionImage image : images.values()) {
                finished.add(image.finish());
            }
            packs.flush();
            RecoveryPoint point = new RecoveryPoint(
                    repository.id(),
                    containerId,
                    sequence,
                    randomHex(8),
                    randomHex(16),
                    parent.map(RecoveryPoint::pointId),
                    description.instant(),
                    repository.options().clock().instant(),
                    description.grade(),
                    description.freezeMillis(),
                    Collections.unmodifiableMap(new LinkedHashMap<>(description.definition())),
                    List.copyOf(finished),
                    counters());
            repository.log().commit(point);
            // From here on the point exists.
            return point;
        } catch (IOException | RuntimeException e) {
            fail(e);
            throw e;
        } finally {
            end();
        }
    }

    /**
     * Ends the session without a point. What it wrote is garbage that nobody names. May be called at any time, again
     * too.
     */
    public synchronized void abort() {
        end();
    }

    /** The same as {@link #abort}; after a commit it does nothing. */
    @Override
    public void close() {
        abort();
    }

    private void end() {
        if (!ended) {
            ended = true;
            packs.close();
            synchronized (nodeEncoder) {
                nodeEncoder.close();
            }
        }
    }

    private void checkOpen() {
        if (ended) {
            throw new IllegalStateException("the session has ended");
        }
    }

    void fail(Exception e) {
        failure.compareAndSet(null, e);
    }

    SessionTally tally() {
        return tally;
    }

    Optional<SegmentRef> find(ChunkId id, boolean many) throws IOException {
        Optional<SegmentRef> own = ownChunks.find(id);
        return own.isPresent() ? own : repository.find(id, many);
    }

    SegmentRef append(ChunkId id, ByteBuffer segment) throws IOException {
        SegmentRef ref = packs.append(id, segment);
        if (segment.get(0) == SegmentKind.WHOLE.code()) {
            ownChunks.add(id, ref);
        }
        return ref;
    }

    private MapRef appendNode(SegmentKind kind, ByteBuffer raw) throws IOException {
        ChunkId id = ChunkId.of(raw, ChunkId.newDigest());
        synchronized (nodeEncoder) {
            return new MapRef(packs.append(id, nodeEncoder.encode(kind, 0, raw)), id);
        }
    }

    private String randomHex(int bytes) {
        RandomGenerator random = repository.options().random();
        byte[] raw = new byte[bytes];
        random.nextBytes(raw);
        return HexFormat.of().formatHex(raw);
    }
}
