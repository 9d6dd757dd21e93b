package org.tidemark.backup.repository.log;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.RepositoryException.Kind;

/**
 * Finds one point: {@code latest}, the beginning of a point id (at least 4 digits), or an ISO-8601 time: the last point
 * at or before it.
 */
public final class PointSelector {
    private static final Pattern ID_PREFIX = Pattern.compile("[0-9a-f]{4,16}");

    private PointSelector() {}

    /**
     * The point that {@code words} select.
     *
     * @throws RepositoryException NOT_FOUND, AMBIGUOUS, or DAMAGED when the record that might be meant cannot be read
     */
    public static RecoveryPoint select(PointList list, String words) throws RepositoryException {
        if (words.equals("latest")) {
            return atOrBefore(list, Instant.MAX);
        }
        if (ID_PREFIX.matcher(words).matches()) {
            return byId(list, words);
        }
        return atOrBefore(list, parse(words));
    }

    private static Instant parse(String words) throws RepositoryException {
        try {
            return OffsetDateTime.parse(words).toInstant();
        } catch (DateTimeException e) {
            throw new RepositoryException(
                    Kind.NOT_FOUND,
                    "'" + words
                            + "' selects no point: give 'latest', at least 4 digits of a point id, or a time such as "
                            + "2026-01-31T12:00:00Z",
                    e);
        }
    }

    private static RecoveryPoint byId(PointList list, String prefix) throws RepositoryException {
        List<RecoveryPoint> found = list.points().stream()
                .filter(point -> point.pointId().startsWith(prefix))
                .toList();
        if (found.size() > 1) {
            throw new RepositoryException(
                    Kind.AMBIGUOUS,
                    "'" + prefix + "' fits " + found.size() + " points of container " + list.containerId() + ": "
                            + found.stream().map(RecoveryPoint::pointId).toList() + "; give more digits");
        }
        if (found.isEmpty()) {
            throw notFound(list, "whose id begins with '" + prefix + "'");
        }
        return found.get(0);
    }

    /**
     * The newest by instant. A record that cannot be read and was committed later than it could be the one that is
     * meant.
     */
    private static RecoveryPoint atOrBefore(PointList list, Instant at) throws RepositoryException {
        Optional<RecoveryPoint> found = list.points().stream()
                .filter(point -> !point.instant().isAfter(at))
                .max(Comparator.comparing(RecoveryPoint::instant).thenComparing(RecoveryPoint::sequence));
        long next = list.points().stream()
                .filter(point -> point.instant().isAfter(at))
                .mapToLong(RecoveryPoint::sequence)
                .min()
                .orElse(Long.MAX_VALUE);
        for (PointList.Unreadable record : list.unreadable()) {
            if (record.sequence() > found.map(RecoveryPoint::sequence).orElse(0L) && record.sequence() < next) {
                throw RepositoryException.damaged(
                        "the point that is meant may be number " + record.sequence() + " of container "
                                + list.containerId()
                                + ", which cannot be read; name another one by its id ("
                                + record.why().getMessage() + ")",
                        record.why());
            }
        }
        return found.orElseThrow(() -> notFound(list, at.equals(Instant.MAX) ? "at all" : "at or before " + at));
    }

    private static RepositoryException notFound(PointList list, String which) {
        return new RepositoryException(Kind.NOT_FOUND, "container " + list.containerId() + " has no point " + which);
    }
}
