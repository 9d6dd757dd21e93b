package org.tidemark.backup.repository.log;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.RepositoryException.Kind;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.TargetException;

/** Reads and appends the logs of all containers. Safe for many threads. */
public final class CommitLog {
    private static final Pattern CONTAINER = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}");
    private static final Pattern SEQUENCE = Pattern.compile("[0-9]{20}");

    private static final int USUAL_RECORD_BYTES = 32 << 10;

    private final BackupTarget target;
    private final String repositoryId;
    private final Witness witness;

    /** Makes sure that the repository is still there, before an empty answer is believed. */
    @FunctionalInterface
    public interface Witness {
        void confirm() throws IOException;
    }

    public CommitLog(BackupTarget target, String repositoryId, Witness witness) {
        this.target = target;
        this.repositoryId = repositoryId;
        this.witness = witness;
    }

    /** Returns {@code containerId} when it can name a container. */
    public static String checkedContainer(String containerId) {
        if (!CONTAINER.matcher(containerId).matches()) {
            throw new IllegalArgumentException("'" + containerId
                    + "' cannot name a container: up to 128 letters, digits, '.', '_' and '-', not '.' or '-' first");
        }
        return containerId;
    }

    private static String folder(String containerId) {
        return "ct/" + checkedContainer(containerId) + "/log/";
    }

    /** Where the record of a number lies. */
    public static String key(String containerId, long sequence) {
        return folder(containerId) + String.format(Locale.ROOT, "%020d", sequence);
    }

    /** Containers that have a log, sorted. */
    public List<String> containers() throws IOException {
        List<String> names = new ArrayList<>();
        target.listFolders("ct/", name -> {
            if (CONTAINER.matcher(name).matches()) {
                names.add(name);
            }
        });
        if (names.isEmpty()) {
            witness.confirm();
        }
        return names;
    }

    /** The numbers in use, ascending. */
    public List<Long> sequences(String containerId) throws IOException {
        String folder = folder(containerId);
        List<Long> sequences = new ArrayList<>();
        target.list(folder, (key, sizeBytes) -> {
            String name = key.substring(folder.length());
            if (SEQUENCE.matcher(name).matches()) {
                try {
                    sequences.add(Long.parseLong(name));
                } catch (NumberFormatException e) {
                    // Greater than any number a writer gives: not a record of ours.
                }
            }
        });
        if (sequences.isEmpty()) {
            witness.confirm();
        }
        return sequences;
    }

    /** All points of a container; none when it has no log. */
    public PointList points(String containerId) throws IOException {
        return points(containerId, new PointList(containerId, List.of(), List.of()));
    }

    /** The same, reading only the records that {@code known} does not hold. */
    public PointList points(String containerId, PointList known) throws IOException {
        if (!known.containerId().equals(containerId)) {
            throw new IllegalArgumentException("points of " + known.containerId() + ", not of " + containerId);
        }
        Map<Long, RecoveryPoint> held = new HashMap<>();
        known.points().forEach(point -> held.put(point.sequence(), point));
        List<RecoveryPoint> points = new ArrayList<>();
        List<PointList.Unreadable> unreadable = new ArrayList<>();
        for (long sequence : sequences(containerId)) {
            try {
                RecoveryPoint point = held.get(sequence);
                points.add(point != null ? point : read(containerId, sequence));
            } catch (RepositoryException e) {
                unreadable.add(new PointList.Unreadable(sequence, e));
            }
        }
        return new PointList(containerId, List.copyOf(points), List.copyOf(unreadable));
    }

    /** One record. DAMAGED when it is not there, too: it was listed, or committed. */
    public RecoveryPoint read(String containerId, long sequence) throws IOException {
        return readRaw(containerId, sequence).point();
    }

    /** The same with its bytes. */
    public RawRecord readRaw(String containerId, long sequence) throws IOException {
        String key = key(containerId, sequence);
        ByteBuffer bytes = ByteBuffer.allocate(USUAL_RECORD_BYTES);
        long sizeBytes;
        try {
            sizeBytes = target.get(key, ByteRange.head(USUAL_RECORD_BYTES), bytes);
            if (sizeBytes > USUAL_RECORD_BYTES && sizeBytes <= CommitRecordCodec.MAX_RECORD_BYTES) {
                bytes = ByteBuffer.allocate(CommitRecordCodec.MAX_RECORD_BYTES);
                sizeBytes = target.get(key, ByteRange.head(CommitRecordCodec.MAX_RECORD_BYTES), bytes);
            }
        } catch (TargetException e) {
            switch (e.kind()) {
                case NOT_FOUND, CORRUPT ->
                    throw RepositoryException.damaged("log record " + key + " is gone or too short", e);
                default -> throw e;
            }
        }
        if (sizeBytes > CommitRecordCodec.MAX_RECORD_BYTES) {
            throw RepositoryException.damaged(
                    "log record " + key + " has " + sizeBytes + " bytes, more than any record");
        }
        byte[] record = new byte[bytes.flip().remaining()];
        bytes.get(record);
        RecoveryPoint point = CommitRecordCodec.decode(key, record);
        if (!point.repositoryId().equals(repositoryId)
                || !point.containerId().equals(containerId)
                || point.sequence() != sequence) {
            throw RepositoryException.damaged("log record " + key + " belongs elsewhere: to number " + point.sequence()
                    + " of container " + point.containerId() + " in repository " + point.repositoryId());
        }
        return new RawRecord(point, record);
    }

    /**
     * Commits {@code point} at its sequence. Everything it names must be durable. Durable on return; when it throws
     * anything but CONFLICT the outcome may be open, and the next listing tells.
     *
     * @throws RepositoryException CONFLICT when another session has taken the number
     */
    public void commit(RecoveryPoint point) throws IOException {
        String key = key(point.containerId(), point.sequence());
        ByteBuffer record = CommitRecordCodec.encode(point);
        try {
            // A record that could not be read again must never be written: its number would be taken for ever.
            CommitRecordCodec.decode(key, record.array());
        } catch (RepositoryException e) {
            throw new IllegalArgumentException("point of container " + point.containerId() + ": " + e.getMessage(), e);
        }
        try {
            target.putIfAbsent(key, List.of(record));
        } catch (TargetException e) {
            if (e.kind() != TargetException.Kind.CONFLICT && e.kind() != TargetException.Kind.RETRYABLE) {
                throw e;
            }
            settle(point, key, record, e);
        }
    }

    /** An answer was lost, or the key was taken: who wrote it? */
    private void settle(RecoveryPoint point, String key, ByteBuffer record, TargetException why) throws IOException {
        if (why.kind() == TargetException.Kind.RETRYABLE) {
            try {
                target.putIfAbsent(key, List.of(record));
                return;
            } catch (TargetException e) {
                if (e.kind() != TargetException.Kind.CONFLICT) {
                    e.addSuppressed(why);
                    throw e;
                }
            }
        }
        RecoveryPoint found = read(point.containerId(), point.sequence());
        if (!found.nonce().equals(point.nonce())) {
            throw new RepositoryException(
                    Kind.CONFLICT,
                    "container " + point.containerId() + " got point " + found.pointId() + " (number "
                            + point.sequence()
                            + ") from another backup meanwhile; nothing of this one was committed, run it again",
                    why);
        }
    }
}
