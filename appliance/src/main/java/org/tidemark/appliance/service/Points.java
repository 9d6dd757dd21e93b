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
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
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

    /** Of which containers points are known, by target. */
    private final Map<Place, Set<String>> containers = new ConcurrentHashMap<>();

    private record Place(String target, String repositoryId) {
        static Place of(TargetEntry target) {
            return new Place(target.name(), target.repositoryId());
        }
    }

    private record Key(Place place, String container) {
        static Key of(TargetEntry target, String container) {
            return new Key(Place.of(target), container);
        }
    }

    @Inject
    public Points(PointCache cache) {
        this.cache = cache;
    }

    /** What is known without asking the target. */
    public PointList known(TargetEntry target, String container) {
        return lists.computeIfAbsent(
                Key.of(target, container), key -> new PointList(container, cache.points(target, container), List.of()));
    }

    /** Containers of which points are known there, sorted; without asking the target. */
    public List<String> containers(TargetEntry target) {
        return List.copyOf(containersOf(target));
    }

    private Set<String> containersOf(TargetEntry target) {
        return containers.computeIfAbsent(
                Place.of(target), place -> new ConcurrentSkipListSet<>(cache.containers(target)));
    }

    /** Asks the target what there is, and remembers it. */
    public PointList refresh(TargetEntry target, BackupRepository repository, String container) throws IOException {
        PointList before = known(target, container);
        PointList now = repository.points(container, before);
        for (RecoveryPoint point : now.points()) {
            if (before.points().stream().noneMatch(known -> known.sequence() == point.sequence())) {
                cache.add(target, point);
            }
        }
        lists.put(Key.of(target, container), now);
        if (!now.points().isEmpty()) {
            containersOf(target).add(container);
        }
        askedAt.put(Key.of(target, container), Instant.now());
        return now;
    }

    /** Asks the target unless it was asked a short while ago. */
    public PointList recent(TargetEntry target, BackupRepository repository, String container) throws IOException {
        Instant asked = askedAt.get(Key.of(target, container));
        if (asked != null && asked.isAfter(Instant.now().minus(RECENT))) {
            return known(target, container);
        }
        return refresh(target, repository, container);
    }

    /** Remembers a point that was just committed there. */
    public void add(TargetEntry target, RecoveryPoint point) throws IOException {
        cache.add(target, point);
        containersOf(target).add(point.containerId());
        lists.compute(Key.of(target, point.containerId()), (key, list) -> {
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

    /**
     * The newest point of a container on any of the targets, by its instant, as far as it is known; of a point that a replica has
     * too, the one at its source.
     */
    public Optional<Located> newest(List<TargetEntry> targets, String container) {
        // Of equals the last counts.
        return targets.stream()
                .sorted(Comparator.comparing(target -> !target.isReplica()))
                .flatMap(target -> known(target, container).points().stream().map(point -> new Located(target, point)))
                .max(Comparator.comparing(located -> located.point().instant()));
    }

    /** The last committed one, which the next backup counts from. */
    public static Optional<RecoveryPoint> last(PointList list) {
        return list.points().stream().max(Comparator.comparingLong(RecoveryPoint::sequence));
    }
}
