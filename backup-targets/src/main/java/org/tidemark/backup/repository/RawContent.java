package org.tidemark.backup.repository;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.tidemark.backup.repository.log.CommitLog;
import org.tidemark.backup.repository.log.PointImage;
import org.tidemark.backup.repository.log.RawRecord;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.map.MapPacks;
import org.tidemark.backup.repository.map.MapRef;
import org.tidemark.backup.repository.pack.PackCheck;
import org.tidemark.backup.repository.pack.PackId;
import org.tidemark.backup.repository.pack.PackLimits;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.TargetException;

/**
 * What a repository holds, as the bytes that lie there: for whoever copies it to another place. Everything is checked
 * before it is given out, nothing is decompressed but the nodes of maps.
 */
public final class RawContent {
    private final BackupRepository repository;
    private final BackupTarget target;

    RawContent(BackupRepository repository, BackupTarget target) {
        this.repository = repository;
        this.target = target;
    }

    /** Containers with at least one record, sorted. */
    public List<String> containers() throws IOException {
        return repository.containers();
    }

    /** The numbers of a container's records, ascending, as they are listed. One listing. */
    public List<Long> sequences(String containerId) throws IOException {
        return repository.log().sequences(containerId);
    }

    /** A record; DAMAGED when it is not there or belongs elsewhere. */
    public RawRecord record(String containerId, long sequence) throws IOException {
        return repository.log().readRaw(CommitLog.checkedContainer(containerId), sequence);
    }

    /**
     * The packs that {@code point} needs and {@code earlier} may lack: what both share is neither walked nor named.
     *
     * @param earlier a point of the same container whose packs are known to be there
     */
    public Set<PackId> packs(RecoveryPoint point, Optional<RecoveryPoint> earlier) throws IOException {
        Map<String, MapRef> before = new HashMap<>();
        earlier.ifPresent(old -> old.images().forEach(image -> before.put(image.imageId(), image.root())));
        MapPacks packs = new MapPacks(repository::readNode);
        for (PointImage image : point.images()) {
            packs.add(image.root(), before.get(image.imageId()));
        }
        return packs.packs();
    }

    /** How long a pack is; DAMAGED when it is not there. One request. */
    public long sizeBytes(PackId pack) throws IOException {
        try {
            return target.stat(pack.key());
        } catch (TargetException e) {
            throw explained(pack, e);
        }
    }

    /**
     * Reads the whole of a pack into {@code room}, from 0 on, and checks it.
     *
     * @return how many bytes it has; more than {@code room} holds means that nothing was read but its beginning: come
     *     again with more room
     * @throws RepositoryException DAMAGED when it is missing or not what it was when it was written
     */
    public int read(PackId pack, ByteBuffer room, PackCheck check) throws IOException {
        long sizeBytes;
        try {
            sizeBytes = target.get(pack.key(), ByteRange.head(room.clear().remaining()), room);
        } catch (TargetException e) {
            throw explained(pack, e);
        }
        if (sizeBytes > PackLimits.MAX_PACK_BYTES) {
            throw RepositoryException.damaged("pack " + pack + " has " + sizeBytes + " bytes, which cannot be");
        }
        if (sizeBytes <= room.capacity()) {
            check.check(pack, room.flip());
        }
        return (int) sizeBytes;
    }

    private static IOException explained(PackId pack, TargetException e) {
        return switch (e.kind()) {
            case NOT_FOUND, CORRUPT ->
                RepositoryException.damaged("pack " + pack + " is missing or too short: " + e.getMessage(), e);
            default -> e;
        };
    }

    /** A check for packs of this repository. */
    public PackCheck newPackCheck() {
        return new PackCheck(PackId.parse(repository.id()));
    }
}
