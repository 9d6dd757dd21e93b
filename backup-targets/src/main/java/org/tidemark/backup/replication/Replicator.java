package org.tidemark.backup.replication;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.RawContent;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.log.CommitLog;
import org.tidemark.backup.repository.log.RawRecord;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.pack.PackCheck;
import org.tidemark.backup.repository.pack.PackId;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.SameBlob;
import org.tidemark.backup.target.TargetException;

/** Brings a replica up to its source, one container after the other. One run; one thread. */
public final class Replicator implements AutoCloseable {
    /** So many points are planned at once, ... */
    private static final int ROUND_POINTS = 256;

    /** ... and so many bytes of records are kept meanwhile. */
    private static final long ROUND_BYTES = 16 << 20;

    private final BackupRepository source;
    private final RawContent from;
    private final BackupRepository replica;
    private final BackupTarget place;
    private final PackRoom room;
    private final BooleanSupplier linkOff;
    private final BooleanSupplier cancelled;
    private final PackCheck check;
    /** Packs that are to be sent, and how long they are. */
    private final Map<PackId, Long> coming = new HashMap<>();
    /** Packs of the replica; null before anybody wanted to know. */
    private @Nullable Set<PackId> there;

    /**
     * A run.
     *
     * @param replica the same repository on the place that is to be brought up
     * @param place the target of {@code replica}: what is sent goes through it
     * @param linkOff whether nothing may be sent now; asked before each pack
     * @param cancelled asked before each request that takes long; when true the run ends with an {@link
     *     InterruptedIOException}
     * @throws RepositoryException OTHER_REPOSITORY when the two are not the same
     */
    public Replicator(
            BackupRepository source,
            BackupRepository replica,
            BackupTarget place,
            PackRoom room,
            BooleanSupplier linkOff,
            BooleanSupplier cancelled)
            throws RepositoryException {
        if (!source.id().equals(replica.id())) {
            throw new RepositoryException(
                    RepositoryException.Kind.OTHER_REPOSITORY,
                    replica.describe() + " cannot be a replica of " + source.describe());
        }
        this.source = source;
        from = source.raw();
        this.replica = replica;
        this.place = place;
        this.room = room;
        this.linkOff = linkOff;
        this.cancelled = cancelled;
        check = from.newPackCheck();
    }

    /**
     * A point that is to be sent.
     *
     * @param earlier what it was compared with; it counts only if that has arrived
     * @param packs those that it needs, {@code earlier} does not, and the replica lacked when this was planned
     */
    private record Planned(RawRecord record, @Nullable RecoveryPoint earlier, Set<PackId> packs) {}

    /** What a run has done so far. */
    private static final class Tally {
        int points;
        int packs;
        long bytesSent;

        @Nullable
        RecoveryPoint newest;

        final List<RepositoryException> damaged = new ArrayList<>();
    }

    /**
     * Sends the points of a container that the replica lacks.
     *
     * @throws RepositoryException DIVERGED when the replica holds another record, or one that the source lacks; nothing
     *     was changed then
     */
    public ReplicationResult run(String containerId, ReplicationProgress progress) throws IOException {
        // The replica first: what comes to both meanwhile is then never taken for one that the source lacks.
        TreeSet<Long> arrived = new TreeSet<>(replica.raw().sequences(containerId));
        TreeSet<Long> missing = new TreeSet<>(from.sequences(containerId));
        long last = missing.isEmpty() ? 0 : missing.last();
        if (!arrived.isEmpty() && arrived.last() > last) {
            throw diverged(containerId, arrived.last(), "which " + source.describe() + " lacks");
        }
        TreeSet<Long> both = new TreeSet<>(arrived);
        both.retainAll(missing);
        missing.removeAll(arrived);
        Tally tally = new Tally();
        boolean off = false;
        if (!missing.isEmpty()) {
            requireSame(containerId, both);
        }
        while (!missing.isEmpty() && !off) {
            for (Planned planned : plan(containerId, missing, both, progress, tally)) {
                off = off || !send(planned, both, progress, tally);
            }
            progress.planned(
                    -coming.values().stream().mapToLong(Long::longValue).sum());
            coming.clear();
        }
        return new ReplicationResult(
                tally.points,
                tally.packs,
                tally.bytesSent,
                Optional.ofNullable(tally.newest),
                off,
                List.copyOf(tally.damaged));
    }

    /** The newest record that both have tells whether they have the same past. */
    private void requireSame(String containerId, TreeSet<Long> both) throws IOException {
        if (!both.isEmpty()) {
            requireSame(from.record(containerId, both.last()));
        }
    }

    private void requireSame(RawRecord record) throws IOException {
        String containerId = record.point().containerId();
        long sequence = record.point().sequence();
        if (!replica.raw().record(containerId, sequence).sameBytes(record)) {
            throw diverged(containerId, sequence, "with other content than in " + source.describe());
        }
    }

    private RepositoryException diverged(String containerId, long sequence, String how) {
        return Divergence.of(replica, containerId, sequence, how);
    }

    /** Takes the first points from {@code missing} and finds out what each needs. */
    private List<Planned> plan(
            String containerId, TreeSet<Long> missing, TreeSet<Long> both, ReplicationProgress progress, Tally tally)
            throws IOException {
        List<Planned> round = new ArrayList<>();
        @Nullable RecoveryPoint earlier = null;
        long recordBytes = 0;
        while (!missing.isEmpty() && round.size() < ROUND_POINTS && recordBytes < ROUND_BYTES) {
            long sequence = missing.first();
            missing.remove(sequence);
            String what = "number " + sequence + " of container " + containerId;
            try {
                RawRecord record = from.record(containerId, sequence);
                what = words(record.point());
                Long before = both.lower(sequence);
                if (before != null && (earlier == null || earlier.sequence() < before)) {
                    earlier = readable(containerId, before);
                }
                round.add(new Planned(record, earlier, lacking(record.point(), earlier, progress)));
                recordBytes += record.bytes().length;
                earlier = record.point();
            } catch (RepositoryException e) {
                leaveOut(what, e, tally);
            }
        }
        return round;
    }

    private static String words(RecoveryPoint point) {
        return "point " + point.pointId() + " (number " + point.sequence() + ") of container " + point.containerId();
    }

    private @Nullable RecoveryPoint readable(String containerId, long sequence) throws IOException {
        try {
            return from.record(containerId, sequence).point();
        } catch (RepositoryException e) {
            // Then the next point is walked from its root to its last page.
            return null;
        }
    }

    private Set<PackId> lacking(RecoveryPoint point, @Nullable RecoveryPoint earlier, ReplicationProgress progress)
            throws IOException {
        requireGoingOn();
        Set<PackId> lacking = new LinkedHashSet<>();
        for (PackId pack : packs(point, earlier)) {
            if (!there().contains(pack)) {
                if (!coming.containsKey(pack)) {
                    long bytes = from.sizeBytes(pack);
                    coming.put(pack, bytes);
                    progress.planned(bytes);
                }
                lacking.add(pack);
            }
        }
        return lacking;
    }

    private Set<PackId> packs(RecoveryPoint point, @Nullable RecoveryPoint earlier) throws IOException {
        if (earlier != null) {
            try {
                return from.packs(point, Optional.of(earlier));
            } catch (RepositoryException e) {
                // Perhaps it is the earlier one that is damaged.
            }
        }
        return from.packs(point, Optional.empty());
    }

    private Set<PackId> there() throws IOException {
        if (there == null) {
            Set<PackId> found = new HashSet<>();
            place.list("pack/", (key, sizeBytes) -> PackId.ofKey(key).ifPresent(found::add));
            there = found;
        }
        return there;
    }

    /** Sends one point; false when the link went off before it was whole. */
    private boolean send(Planned planned, TreeSet<Long> both, ReplicationProgress progress, Tally tally)
            throws IOException {
        RecoveryPoint point = planned.record().point();
        try {
            for (PackId pack : packs(planned, both, progress)) {
                requireGoingOn();
                if (there().contains(pack)) {
                    continue;
                }
                if (linkOff.getAsBoolean()) {
                    return false;
                }
                int bytes = read(pack);
                send(pack, tally);
                Long expected = coming.remove(pack);
                progress.planned(bytes - (expected == null ? 0 : expected));
                progress.sent(bytes);
            }
        } catch (RepositoryException e) {
            leaveOut(words(point), e, tally);
            return true;
        }
        send(planned.record());
        both.add(point.sequence());
        tally.points++;
        tally.bytesSent += planned.record().bytes().length;
        tally.newest = point;
        progress.arrived(point);
        return true;
    }

    private Set<PackId> packs(Planned planned, TreeSet<Long> both, ReplicationProgress progress) throws IOException {
        RecoveryPoint earlier = planned.earlier();
        if (earlier == null || both.contains(earlier.sequence())) {
            return planned.packs();
        }
        // That one did not arrive, so what it shares with this one may be lacking.
        RecoveryPoint point = planned.record().point();
        Long before = both.lower(point.sequence());
        return lacking(point, before == null ? null : readable(point.containerId(), before), progress);
    }

    private int read(PackId pack) throws IOException {
        int bytes = from.read(pack, room.bytes(), check);
        if (bytes > room.bytes().capacity()) {
            room.grow(bytes);
            bytes = from.read(pack, room.bytes(), check);
        }
        return bytes;
    }

    private void send(PackId pack, Tally tally) throws IOException {
        List<ByteBuffer> content = List.of(room.bytes().asReadOnlyBuffer());
        try {
            place.putIfAbsent(pack.key(), content);
            tally.packs++;
            tally.bytesSent += content.get(0).remaining();
        } catch (TargetException e) {
            if (e.kind() != TargetException.Kind.CONFLICT) {
                throw e;
            }
            if (!SameBlob.isThere(place, pack.key(), content)) {
                throw new TargetException(
                        TargetException.Kind.CORRUPT,
                        "pack " + pack + " is on " + place.describe() + " with other content than on "
                                + source.describe() + "; nothing was changed. Verify " + place.describe(),
                        e);
            }
        }
        there().add(pack);
    }

    private void send(RawRecord record) throws IOException {
        RecoveryPoint point = record.point();
        try {
            place.putIfAbsent(
                    CommitLog.key(point.containerId(), point.sequence()), List.of(ByteBuffer.wrap(record.bytes())));
        } catch (TargetException e) {
            if (e.kind() != TargetException.Kind.CONFLICT) {
                throw e;
            }
            requireSame(record);
        }
    }

    private void requireGoingOn() throws InterruptedIOException {
        if (cancelled.getAsBoolean() || Thread.currentThread().isInterrupted()) {
            throw new InterruptedIOException("the replication was cancelled");
        }
    }

    /** What is damaged at the source keeps only itself back; anything else ends the run. */
    private void leaveOut(String what, RepositoryException e, Tally tally) throws RepositoryException {
        switch (e.kind()) {
            case DAMAGED, UNSUPPORTED ->
                tally.damaged.add(new RepositoryException(
                        e.kind(),
                        what + " cannot be copied from " + source.describe() + ": " + e.getMessage()
                                + ". Points before it stay; verify the source",
                        e));
            default -> throw e;
        }
    }

    @Override
    public void close() {
        check.close();
    }
}
