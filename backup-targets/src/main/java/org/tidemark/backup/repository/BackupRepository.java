package org.tidemark.backup.repository;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
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
import org.tidemark.backup.repository.pack.SegmentRef;
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
    private final SlabPool slabs;
    private final DedupIndex index;
    /** Whether this is the repository that was opened, and no view of one. */
    private final boolean owner;

    private BackupRepository(BackupTarget target, RepositoryFormat format, RepositoryOptions options) {
        this.target = target;
        this.format = format;
        this.options = options;
        slabs = new SlabPool(SLABS_KEPT);
        index = new DedupIndex(options.indexEntries());
        log = new CommitLog(target, format.repositoryId().toString(), this::confirm);
        segments = new SegmentReader(target, format.repositoryId(), index::forget);
        owner = true;
    }

    private BackupRepository(BackupRepository opened, BackupTarget target) {
        this.target = target;
        format = opened.format;
        options = opened.options;
        slabs = opened.slabs;
        index = opened.index;
        log = new CommitLog(target, format.repositoryId().toString(), this::confirm);
        segments = opened.segments.through(target);
        owner = false;
    }

    /**
     * The same open repository, sending its requests to {@code sameStore}: for a job that counts, or limits, what it
     * sends. Everything known is shared, the deduplication index above all. Lives as long as this; closing it does
     * nothing.
     *
     * @param sameStore another decoration of the very store that this was opened on; it belongs to the caller
     */
    public BackupRepository through(BackupTarget sameStore) {
        return new BackupRepository(this, sameStore);
    }

    /**
     * An answer said that there is nothing. A store that was emptied or replaced says the same, so the repository itself has
     * to be there.
     */
    private void confirm() throws IOException {
        try {
            readFormat(target).expect(target.describe(), id());
        } catch (RepositoryException e) {
            throw new RepositoryException(
                    e.kind(),
                    target.describe() + " is not what it was when repository " + id()
                            + " was opened: it has been emptied or replaced. Nothing that it lacks counts as gone ("
                            + e.getMessage() + ")",
                    e);
        }
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
        RepositoryFormat format = readFormat(target);
        if (expectedId.isPresent()) {
            format.expect(target.describe(), expectedId.get());
        }
        return new BackupRepository(target, format, options);
    }

    private static RepositoryFormat readFormat(BackupTarget target) throws IOException {
        return RepositoryFormat.decode(target.describe(), readFormatBytes(target));
    }

    private static byte[] readFormatBytes(BackupTarget target) throws IOException {
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
        return bytes;
    }

    /**
     * Makes {@code replica} a place for the same repository: it gets this one's {@code format.json}, to the byte. Nothing
     * happens when it has that already. Durable on return.
     *
     * @throws RepositoryException OTHER_REPOSITORY when it holds another one
     */
    public void beginReplica(BackupTarget replica) throws IOException {
        byte[] bytes = readFormatBytes(target);
        RepositoryFormat.decode(target.describe(), bytes).expect(target.describe(), id());
        try {
            replica.putIfAbsent(RepositoryFormat.KEY, List.of(ByteBuffer.wrap(bytes)));
        } catch (TargetException e) {
            if (e.kind() != TargetException.Kind.CONFLICT) {
                throw e;
            }
            readFormat(replica).expect(replica.describe(), id());
        }
    }

    /** What it holds, as bytes. */
    public RawContent raw() {
        return new RawContent(this, target);
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

    /**
     * The points of a container as {@link #points(String)}, reading only records that {@code known}, an earlier answer
     * for the same container, does not hold: records never change. One listing when nothing is new.
     */
    public PointList points(String containerId, PointList known) throws IOException {
        return log.points(containerId, known);
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
        boolean parentListed = parent.isEmpty();
        for (long sequence : log.sequences(containerId)) {
            parentListed |= parent.isPresent() && sequence == parent.get().sequence();
            last = Math.max(last, sequence);
        }
        if (!parentListed) {
            confirm();
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

    ByteBuffer readNode(SegmentKind kind, MapRef ref) throws IOException {
        ByteBuffer raw = segments.readNode(ref.segment(), kind);
        ChunkId found = ChunkId.of(raw, ChunkId.newDigest());
        if (!found.equals(ref.id())) {
            segments.explain(ref.segment().pack());
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
                index::add);
    }

    /**
     * Where a chunk is stored already. For a few changed chunks it is not worth reading the index of every pack, where
     * each is a request.
     *
     * @param many whether many chunks will be asked for
     */
    Optional<SegmentRef> find(ChunkId id, boolean many) throws IOException {
        ChunkIndex chunks = many || segments.preferredReadBytes() == 0 ? index.all(target, segments) : index.known();
        return chunks.find(id);
    }

    @Override
    public void close() {
        if (owner) {
            segments.close();
        }
    }
}
