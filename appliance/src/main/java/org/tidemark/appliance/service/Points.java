package org.tidemark.appliance.service;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.tidemark.appliance.persistence.PointCache;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.log.PointList;
import org.tidemark.backup.repository.log.RecoveryPoint;

/** The points of containers on targets, remembered: a target is asked for what is new only. Safe for many threads. */
@Singleton
public final class Points {
    private static final Duration RECENT = Duration.ofSeconds(30);

    private final PointCache cache;
    private final Map<Key, PointList> lists = new ConcurrentHashMap<>();

    private final Map<Key, Instant> askedAt = new ConcurrentHashMap<>();

    private record Key(String repositoryId, String container) {}

    @Inject
    public Points(PointCache cache) {
        this.cache = cache;
    }

    /** What is known without asking the target. */
    public PointList known(String repositoryId, String container) {
        return lists.computeIfAbsent(
                new Key(repositoryId, container),
                key -> new PointList(container, cache.points(repositoryId, container), List.of()));
    }

    /** Asks the target what there is, and remembers it. */
    public PointList refresh(BackupRepository repository, String container) throws IOException {
        PointList before = known(repository.id(), container);
        PointList now = repository.points(container, before);
        for (RecoveryPoint point : now.points()) {
            if (before.points().stream().noneMatch(known -> known.sequence() == point.sequence())) {
                cache.add(point);
            }
        }
        lists.put(new Key(repository.id(), container), now);
        askedAt.put(new Key(repository.id(), container), Instant.now());
        return now;
    }

    /** Asks the target unless it was asked a short while ago. */
    public PointList recent(BackupRepository repository, String container) throws IOException {
        Instant asked = askedAt.get(new Key(repository.id(), container));
        if (asked != null && asked.isAfter(Instant.now().minus(RECENT))) {
            return known(repository.id(), container);
        }
        return refresh(repository, container);
    }

    /** Remembers a point that was just committed. */
    public void add(RecoveryPoint point) throws IOException {
        cache.add(point);
        lists.compute(new Key(point.repositoryId(), point.containerId()), (key, list) -> {
            TreeMap<Long, RecoveryPoint> bySequence = new TreeMap<>();
            List<PointList.Unreadable> unreadable = new ArrayList<>();
            if (list != null) {
                list.points().forEach(known -> bySequence.put(known.sequence(), known));
                unreadable.addAll(list.unreadable());
            }
            bySequence.put(point.sequence(), point);
            return new PointList(key.container(), List.copyOf(bySequence.values()), List.copyOf(unreadable));
        });
    }

    /** A point and where it lies. */
    public record Located(TargetEntry target, RecoveryPoint point) {}

    /** The newest point of a container on any of the targets, by its instant, as far as it is known. */
    public Optional<Located> newest(List<TargetEntry> targets, String container) {
        return targets.stream()
                .flatMap(target -> known(target.repositoryId(), container).points().stream()
                        .map(point -> new Located(target, point)))
                .max(Comparator.comparing(located -> located.point().instant()));
    }

    /** The last committed one, which the next backup counts from. */
    public static Optional<RecoveryPoint> last(PointList list) {
        return list.points().stream().max(Comparator.comparingLong(RecoveryPoint::sequence));
    }
}
