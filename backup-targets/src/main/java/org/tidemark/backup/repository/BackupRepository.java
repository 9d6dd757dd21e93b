package org.tidemark.backup.repository;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.RepositoryException.Kind;
import org.tidemark.backup.repository.chunk.ChunkId;
import org.tidemark.backup.repository.index.ChunkIndex;
import org.tidemark.backup.repository.log.CommitLog;
import org.tidemark.backup.repository.log.PointList;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.map.ImageMap;
import org.tidemark.backup.repository.map.MapRef;
import org.tidemark.backup.repository.pack.PackId;
import org.tidemark.backup.repository.pack.PackWriter;
import org.tidemark.backup.repository.pack.SegmentKind;
import org.tidemark.backup.repository.pack.SegmentReader;
import org.tidemark.backup.repository.pack.SlabPool;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.TargetException;

/**
 * An open repository. Safe for many threads; sessions and readers may run at the same time, also from other processes
 * and hosts. Closing it frees native memory and leaves the target open, which belongs to the caller.
 */
public final class BackupRepository implements AutoCloseable {
    private static final int SLABS_KEPT = 40;

    private final BackupTarget target;
    private final RepositoryFormat format;
    private final RepositoryOptions options;
    private final CommitLog log;
    private final SegmentReader segments;
    private final SlabPool slabs = new SlabPool(SLABS_KEPT);
    private final Object indexLock = new Object();
    /** Null until somebody needs it. Guarded by indexLock for writing. */
    private volatile @Nullable ChunkIndex index;

    private BackupRepository(BackupTarget target, RepositoryFormat format, RepositoryOptions options) {
        this.target = target;
        this.format = format;
        this.options = options;
        log = new CommitLog(target, format.repositoryId().toString());
        segments = new SegmentReader(target, format.repositoryId(), this::forget);
    }

    /**
     * Creates a repository on a target that has none, and opens it. Durable on return.
     *
     * @throws RepositoryException EXISTS when there is one already
     */
    public static BackupRepository create(BackupTarget target, RepositoryOptions options) throws IOException {
        RepositoryFormat format = new RepositoryFormat(
                PackId.random(options.random()), options.clock().instant());
        try {
            target.putIfAbsent(RepositoryFormat.KEY, List.of(ByteBuffer.wrap(format.encode())));
        } catch (TargetException e) {
            if (e.kind() == TargetException.Kind.CONFLICT) {
                throw new RepositoryException(
                        Kind.EXISTS, target.describe() + " holds a repository already; open it", e);
            }
            throw e;
        }
        return open(target, Optional.of(format.repositoryId().toString()), options);
    }

    /**
     * Opens a repository.
     *
     * @param expectedId the 32 hex digits of the repository that has to be there; empty when any will do
     * @throws RepositoryException NOT_A_REPOSITORY, OTHER_REPOSITORY, UNSUPPORTED, or DAMAGED
     */
    public static BackupRepository open(BackupTarget target, Optional<String> expectedId, RepositoryOptions options)
            throws IOException {
        ByteBuffer json = ByteBuffer.allocate(RepositoryFormat.MAX_BYTES);
        try {
            long sizeBytes = target.get(RepositoryFormat.KEY, ByteRange.head(RepositoryFormat.MAX_BYTES), json);
            if (sizeBytes > RepositoryFormat.MAX_BYTES) {
                throw RepositoryException.damaged(
                        RepositoryFormat.KEY + " on " + target.describe() + " has " + sizeBytes + " bytes");
            }
        } catch (TargetException e) {
            switch (e.kind()) {
                case NOT_FOUND ->
                    throw new RepositoryException(
                            Kind.NOT_A_REPOSITORY,
                            target.describe() + " holds no repository: there is no " + RepositoryFormat.KEY
                                    + ". Check the address, or create a repository there",
                            e);
                case CORRUPT -> throw RepositoryException.damaged("cannot read " + RepositoryFormat.KEY, e);
                default -> throw e;
            }
        }
        byte[] bytes = new byte[json.flip().remaining()];
        json.get(bytes);
        RepositoryFormat format = RepositoryFormat.decode(target.describe(), bytes);
        if (expectedId.isPresent()) {
            format.expect(target.describe(), expectedId.get());
        }
        return new BackupRepository(target, format, options);
    }

    /** 32 hex digits. */
    public String id() {
        return format.repositoryId().toString();
    }

    /** Where it is, for messages. */
    public String describe() {
        return "repository " + id() + " on " + target.describe();
    }

    /** Containers with at least one point, sorted. */
    public List<String> containers() throws IOException {
        return log.containers();
    }

    /** The points of a container, and the records that cannot be read. No points when the container is unknown. */
    public PointList points(String containerId) throws IOException {
        return log.points(containerId);
    }

    /** A reader of a point of this repository. Opens nothing yet but the point's roots. */
    public RecoveryPointReader openPoint(RecoveryPoint point) throws IOException {
        if (!point.repositoryId().equals(id())) {
            throw new RepositoryException(
                    Kind.OTHER_REPOSITORY,
                    "point " + point.pointId() + " belongs to repository " + point.repositoryId());
        }
        return RecoveryPointReader.open(this, point);
    }

    /**
     * Begins the next point of a container. Sessions may run at once; of those that began at the same number one
     * commits.
     *
     * @param parent a committed point of the same container to compare with and to share with; empty for none
     */
    public BackupSession begin(String containerId, Optional<RecoveryPoint> parent) throws IOException {
        CommitLog.checkedContainer(containerId);
        if (parent.isPresent()
                && !(parent.get().containerId().equals(containerId)
                        && parent.get().repositoryId().equals(id()))) {
            throw new IllegalArgumentException(
                    "point " + parent.get().pointId() + " is not of container " + containerId + " in " + describe());
        }
        long last = parent.map(RecoveryPoint::sequence).orElse(0L);
        for (long sequence : log.sequences(containerId)) {
            last = Math.max(last, sequence);
        }
        return new BackupSession(this, containerId, last + 1, parent);
    }

    RepositoryOptions options() {
        return options;
    }

    CommitLog log() {
        return log;
    }

    SegmentReader segments() {
        return segments;
    }

    ImageMap openMap(MapRef root) throws IOException {
        return ImageMap.open(this::readNode, root);
    }

    private ByteBuffer readNode(SegmentKind kind, MapRef ref) throws IOException {
        ByteBuffer raw = segments.readNode(ref.segment(), kind);
        ChunkId found = ChunkId.of(raw, ChunkId.newDigest());
        if (!found.equals(ref.id())) {
            throw RepositoryException.damaged(
                    "map node in " + ref.segment() + " has SHA-256 " + found + " instead of " + ref.id());
        }
        return raw;
    }

    PackWriter newPackWriter() {
        return new PackWriter(
                target,
                format.repositoryId(),
                options.clock(),
                options.random(),
                options.packBytes(),
                slabs,
                (pack, entries) -> {
                    ChunkIndex known = index;
                    if (known != null) {
                        known.add(pack, entries);
                    }
                });
    }

    /**
     * The deduplication index; read from the packs when it is needed first. A pack whose index is damaged is left out.
     */
    ChunkIndex index() throws IOException {
        ChunkIndex known = index;
        if (known != null) {
            return known;
        }
        synchronized (indexLock) {
            if (index == null) {
                ChunkIndex loaded = new ChunkIndex(options.indexEntries());
                target.list("pack/", (key, sizeBytes) -> load(key, loaded));
                index = loaded;
            }
            return index;
        }
    }

    private void load(String key, ChunkIndex loaded) throws TargetException {
        try {
            PackId pack = PackId.parse(key.substring(key.lastIndexOf('/') + 1, key.length() - ".pk".length()));
            if (pack.key().equals(key)) {
                loaded.add(pack, segments.index(pack));
            }
        } catch (TargetException e) {
            throw e;
        } catch (IOException | IllegalArgumentException | IndexOutOfBoundsException e) {
            // Damaged, newer, or not a pack: what it holds is shipped again. Deep verification is where damage is told.
        }
    }

    private void forget(PackId pack) {
        ChunkIndex known = index;
        if (known != null) {
            known.forget(pack);
        }
    }

    @Override
    public void close() {
        segments.close();
    }
}
