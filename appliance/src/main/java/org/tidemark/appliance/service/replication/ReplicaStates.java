package org.tidemark.appliance.service.replication;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.tidemark.appliance.persistence.ReplicaEntry;
import org.tidemark.appliance.persistence.Replicas;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.appliance.service.ContainerProtection;
import org.tidemark.appliance.service.Points;
import org.tidemark.backup.repository.log.PointList;
import org.tidemark.scheduler.ReplicaLag;

/** How far replicas are behind, by what is known without asking a target. Safe for many threads. */
@Singleton
public final class ReplicaStates {
    private final Replicas replicas;
    private final Targets targets;
    private final Points points;

    @Inject
    public ReplicaStates(Replicas replicas, Targets targets, Points points) {
        this.replicas = replicas;
        this.targets = targets;
        this.points = points;
    }

    /**
     * A replica now.
     *
     * @param containers by name
     */
    public record State(ReplicaEntry entry, Map<String, ReplicaLag> containers) {
        /** The worst of its containers. */
        public ReplicaLag.State worst() {
            return containers.values().stream()
                    .map(ReplicaLag::state)
                    .max(Enum::compareTo)
                    .orElse(ReplicaLag.State.IN_STEP);
        }

        /** The longest of its containers. */
        public Duration lag() {
            return containers.values().stream()
                    .map(ReplicaLag::lag)
                    .max(Duration::compareTo)
                    .orElse(Duration.ZERO);
        }

        /** What a person has to look at; empty when there is nothing. */
        public Optional<String> trouble() {
            List<String> late = containers.entrySet().stream()
                    .filter(one -> one.getValue().state() == ReplicaLag.State.LATE)
                    .map(one -> one.getKey() + " "
                            + ContainerProtection.words(one.getValue().lag()))
                    .toList();
            if (!late.isEmpty()) {
                return Optional.of("it is behind '" + entry.source() + "' by more than "
                        + ContainerProtection.words(Duration.ofSeconds(entry.goalSeconds())) + ": "
                        + String.join(", ", late)
                        + (entry.lastError() != null ? ". The last run failed: " + entry.lastError() : "")
                        + (entry.enabled() ? "" : ". It is paused"));
            }
            int leftOut =
                    containers.values().stream().mapToInt(ReplicaLag::leftOut).sum();
            return leftOut == 0
                    ? Optional.empty()
                    : Optional.of("it lacks " + leftOut + " points that could not be copied; verify '" + entry.source()
                            + "'");
        }
    }

    /** Of all replicas, sorted by name. */
    public List<State> all(Instant now) {
        Map<String, TargetEntry> byName =
                targets.all().stream().collect(Collectors.toMap(TargetEntry::name, Function.identity()));
        List<State> states = new ArrayList<>();
        for (ReplicaEntry entry : replicas.all()) {
            TargetEntry source = byName.get(entry.source());
            TargetEntry place = byName.get(entry.target());
            if (source != null && place != null) {
                states.add(of(entry, source, place, now));
            }
        }
        return states;
    }

    /** Of one. */
    public State of(ReplicaEntry entry, TargetEntry source, TargetEntry place, Instant now) {
        TreeSet<String> names = new TreeSet<>(points.containers(source));
        names.addAll(points.containers(place));
        Map<String, ReplicaLag> containers = new TreeMap<>();
        for (String name : names) {
            containers.put(
                    name,
                    ReplicaLag.of(
                            known(points.known(source, name)),
                            known(points.known(place, name)),
                            entry.createdAt(),
                            Duration.ofSeconds(entry.goalSeconds()),
                            now));
        }
        return new State(entry, containers);
    }

    private static List<ReplicaLag.Known> known(PointList list) {
        return list.points().stream()
                .map(point -> new ReplicaLag.Known(point.sequence(), point.instant()))
                .toList();
    }
}
