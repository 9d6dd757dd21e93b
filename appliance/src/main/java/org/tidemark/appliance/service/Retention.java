package org.tidemark.appliance.service;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.Closeable;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.tidemark.appliance.persistence.PointCache;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.PolicyEntry;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.scheduler.RetentionPoint;
import org.tidemark.scheduler.RetentionPolicy;

/**
 * Decides which points policies keep, and marks the others as expired in the catalogue. Nothing on a target is deleted by it: that
 * is the collector's, and a mark can be taken back.
 */
@Singleton
public final class Retention {
    private static final int MAX_REASONS = 1_000;

    private final Policies policies;
    private final Points points;
    private final PointCache cache;
    /** Points that somebody reads, with a reason for each reader. Guarded by itself. */
    private final Map<String, List<String>> inUse = new HashMap<>();

    @Inject
    public Retention(Policies policies, Points points, PointCache cache) {
        this.policies = policies;
        this.points = points;
        this.cache = cache;
    }

    /**
     * Keeps a point while somebody reads it for longer than a job, whatever the policies say; one that had expired is taken back.
     * When the appliance starts again it has no readers, and what the policies say counts again.
     *
     * @param why what reads it, for people
     * @return to be closed when it is not read any more
     */
    public Closeable keepWhileRead(TargetEntry target, RecoveryPoint point, String why) {
        String key = key(target, point);
        synchronized (inUse) {
            inUse.computeIfAbsent(key, unused -> new ArrayList<>()).add(why);
        }
        try {
            apply(target, point.containerId());
        } catch (RuntimeException e) {
            letGo(key, why);
            throw e;
        }
        AtomicBoolean over = new AtomicBoolean();
        return () -> {
            if (!over.getAndSet(true)) {
                letGo(key, why);
                apply(target, point.containerId());
            }
        };
    }

    private void letGo(String key, String why) {
        synchronized (inUse) {
            List<String> readers = inUse.getOrDefault(key, List.of());
            readers.remove(why);
            if (readers.isEmpty()) {
                inUse.remove(key);
            }
        }
    }

    private static String key(TargetEntry target, RecoveryPoint point) {
        return target.name() + "/" + target.repositoryId() + "/" + point.containerId() + "/" + point.pointId();
    }

    private List<String> readers(TargetEntry target, RecoveryPoint point) {
        synchronized (inUse) {
            return List.copyOf(inUse.getOrDefault(key(target, point), List.of()));
        }
    }

    /** Looks at the points of a container on a target again; a point is kept when any policy keeps it, or somebody reads it. */
    public synchronized void apply(TargetEntry target, String container) {
        List<PolicyEntry> concerned = policies.all().stream()
                .filter(policy -> policy.target().equals(target.name())
                        && policy.containers().contains(container))
                .toList();
        List<RecoveryPoint> all = points.known(target, container).points();
        Map<String, PointCache.Mark> marks = cache.marks(target, container);
        Map<String, List<String>> reasons = reasons(concerned, all, marks);
        Instant now = Instant.now();
        for (RecoveryPoint point : all) {
            PointCache.Mark before = marks.getOrDefault(point.pointId(), PointCache.Mark.NONE);
            List<String> kept = new ArrayList<>(reasons.getOrDefault(point.pointId(), List.of()));
            kept.addAll(readers(target, point));
            boolean expires = !concerned.isEmpty() && kept.isEmpty() && !before.isProtected();
            Instant expiredAt = !expires ? null : before.expiredAt() == null ? now : before.expiredAt();
            PointCache.Mark after =
                    new PointCache.Mark(before.isProtected(), expiredAt, sentence(kept), before.verifiedAt());
            if (!after.equals(before)) {
                cache.mark(target, container, point.pointId(), after);
            }
        }
    }

    /** Many policies may have many reasons; the catalogue has room for so much. */
    private static String sentence(List<String> reasons) {
        String all = String.join("; ", reasons);
        return all.length() <= MAX_REASONS ? all : all.substring(0, MAX_REASONS - 1) + "\u2026";
    }

    private static Map<String, List<String>> reasons(
            List<PolicyEntry> concerned, List<RecoveryPoint> all, Map<String, PointCache.Mark> marks) {
        List<RetentionPoint> seen = all.stream()
                .map(point -> new RetentionPoint(
                        point.pointId(),
                        point.instant(),
                        marks.getOrDefault(point.pointId(), PointCache.Mark.NONE)
                                .isProtected()))
                .toList();
        Map<String, List<String>> reasons = new LinkedHashMap<>();
        for (PolicyEntry policy : concerned) {
            String zone = policy.schedule().zone();
            for (RetentionPolicy.Decision decision : Timetable.retention(policy.retention())
                    .select(seen, Instant.now(), zone == null ? ZoneId.systemDefault() : ZoneId.of(zone))) {
                if (decision.keep()) {
                    List<String> list = reasons.computeIfAbsent(decision.point().id(), id -> new ArrayList<>());
                    decision.reasons().stream()
                            .filter(reason -> !list.contains(reason))
                            .forEach(list::add);
                    if (list.isEmpty()) {
                        list.add("policy " + policy.name() + " keeps everything");
                    }
                }
            }
        }
        return reasons;
    }

    /** Notes that a point was read to its end just now and is whole. */
    public synchronized void noteVerified(TargetEntry target, RecoveryPoint point) {
        PointCache.Mark before =
                cache.marks(target, point.containerId()).getOrDefault(point.pointId(), PointCache.Mark.NONE);
        cache.mark(
                target,
                point.containerId(),
                point.pointId(),
                new PointCache.Mark(before.isProtected(), before.expiredAt(), before.keptBy(), Instant.now()));
    }

    /** Keeps a point whatever the policies say, or leaves it to them again. */
    public synchronized void protect(TargetEntry target, RecoveryPoint point, boolean isProtected) {
        PointCache.Mark before =
                cache.marks(target, point.containerId()).getOrDefault(point.pointId(), PointCache.Mark.NONE);
        cache.mark(
                target,
                point.containerId(),
                point.pointId(),
                new PointCache.Mark(
                        isProtected, isProtected ? null : before.expiredAt(), before.keptBy(), before.verifiedAt()));
        apply(target, point.containerId());
    }
}
