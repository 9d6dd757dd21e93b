package org.tidemark.appliance.rest.v1;

import jakarta.annotation.security.RolesAllowed;
import jakarta.inject.Inject;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.appliance.persistence.Containers;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.Jobs;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.service.ContainerProtection;
import org.tidemark.appliance.service.Protection;
import org.tidemark.appliance.service.Repositories;
import org.tidemark.appliance.service.replication.ReplicaStates;

/** Am I safe? */
@Path("/api/v1/overview")
@Produces(MediaType.APPLICATION_JSON)
public final class OverviewResource {
    private static final Duration DAY = Duration.ofDays(1);

    private final Containers containers;
    private final Targets targets;
    private final Jobs jobs;
    private final ContainerProtection protection;
    private final Repositories repositories;
    private final ReplicaStates replicas;

    @Inject
    public OverviewResource(
            Containers containers,
            Targets targets,
            Jobs jobs,
            ContainerProtection protection,
            Repositories repositories,
            ReplicaStates replicas) {
        this.replicas = replicas;
        this.containers = containers;
        this.targets = targets;
        this.jobs = jobs;
        this.protection = protection;
        this.repositories = repositories;
    }

    /** The answer in one word. */
    @Schema(name = "OverviewState")
    public enum State {
        SAFE,
        ATTENTION,
        DANGER,
        EMPTY
    }

    /** Containers by how they are protected. */
    @Schema(name = "OverviewContainers")
    public record ContainerCounts(long total, long safe, long late, long failing, long unprotected) {}

    /** Targets by whether they answer. */
    @Schema(name = "OverviewTargets")
    public record TargetCounts(long total, long unreachable) {}

    /** Jobs. */
    @Schema(name = "OverviewJobs")
    public record JobCounts(long running, long queued, long failedLastDay, long succeededLastDay) {}

    /** Something to look at. */
    @Schema(name = "OverviewAttention")
    public record Attention(String kind, String name, String sentence) {}

    /** The whole. */
    @Schema(name = "Overview")
    public record Overview(
            State state,
            String sentence,
            ContainerCounts containers,
            TargetCounts targets,
            JobCounts jobs,
            long shippedBytesLastDay,
            long storedBytesLastDay,
            List<Attention> attention,
            String version,
            String hostName,
            Instant time) {}

    @GET
    @RolesAllowed(Scope.MAY_READ)
    public Overview get() throws IOException {
        Instant now = Instant.now();
        Map<Protection.State, Long> states = new EnumMap<>(Protection.State.class);
        List<Attention> attention = new ArrayList<>();
        ContainerProtection.Look look = protection.at(now);
        for (ContainerEntry container : containers.all()) {
            Protection one = look.of(container);
            states.merge(one.state(), 1L, Long::sum);
            if (!isWell(one.state())) {
                attention.add(new Attention("container", container.name(), one.sentence()));
            }
        }
        long unreachable = 0;
        List<TargetEntry> known = targets.all();
        for (TargetEntry target : known) {
            Repositories.Status status = repositories.lastStatus(target.name());
            if (status != null && !status.reachable()) {
                unreachable++;
                attention.add(new Attention("target", target.name(), String.valueOf(status.error())));
            }
        }
        long behind = 0;
        for (ReplicaStates.State replica : replicas.all(now)) {
            Optional<String> trouble = replica.trouble();
            if (trouble.isPresent()) {
                behind++;
                attention.add(new Attention("replica", replica.entry().target(), trouble.get()));
            }
        }
        ContainerCounts counts = new ContainerCounts(
                states.values().stream().mapToLong(Long::longValue).sum(),
                states.entrySet().stream()
                        .filter(entry -> isWell(entry.getKey()))
                        .mapToLong(Map.Entry::getValue)
                        .sum(),
                states.getOrDefault(Protection.State.LATE, 0L),
                states.getOrDefault(Protection.State.FAILING, 0L),
                states.getOrDefault(Protection.State.UNPROTECTED, 0L));
        Jobs.Tally tally = jobs.tally(now.minus(DAY));
        List<JobEntry> open = jobs.open();
        long running = open.stream()
                .filter(job -> job.state() == JobEntry.State.RUNNING)
                .count();
        State state = state(counts, unreachable + behind);
        return new Overview(
                state,
                sentence(state, counts, known.size(), unreachable),
                counts,
                new TargetCounts(known.size(), unreachable),
                new JobCounts(running, open.size() - running, tally.failed(), tally.succeeded()),
                sum(now, "bytesShipped"),
                sum(now, "bytesStored"),
                attention,
                SystemResource.version(),
                InetAddress.getLocalHost().getHostName(),
                now);
    }

    /** Nothing to do for anybody. */
    private static boolean isWell(Protection.State state) {
        return switch (state) {
            case SAFE, RUNNING, AWAITED -> true;
            case LATE, FAILING, UNPROTECTED -> false;
        };
    }

    private long sum(Instant now, String field) {
        return jobs.succeededSince(JobEntry.Kind.BACKUP, now.minus(DAY)).stream()
                .map(JobEntry::result)
                .filter(result -> result != null && result.get(field) instanceof Number)
                .mapToLong(result -> ((Number) result.get(field)).longValue())
                .sum();
    }

    private static State state(ContainerCounts counts, long troubledTargets) {
        if (counts.total() == 0) {
            return State.EMPTY;
        }
        if (counts.failing() > 0) {
            return State.DANGER;
        }
        return counts.late() > 0 || counts.unprotected() > 0 || troubledTargets > 0 ? State.ATTENTION : State.SAFE;
    }

    private static String sentence(State state, ContainerCounts counts, int targets, long unreachable) {
        return switch (state) {
            case EMPTY ->
                targets == 0
                        ? "Nothing is protected yet. Begin with a target: a place for backups."
                        : "Nothing is protected yet. Add a container, then a policy.";
            case SAFE ->
                counts.total() == 1 ? "Your container is safe." : "All " + counts.total() + " containers are safe.";
            case DANGER -> share(counts.failing(), counts.total(), "cannot be backed up", "cannot be backed up");
            case ATTENTION -> {
                if (counts.late() > 0) {
                    yield share(counts.late(), counts.total(), "has no recent point", "have no recent point");
                }
                if (counts.unprotected() > 0) {
                    yield share(counts.unprotected(), counts.total(), "is in no policy", "are in no policy");
                }
                if (unreachable == 0) {
                    yield "Not every replica is as new as it has to be.";
                }
                yield unreachable == 1 ? "A target does not answer." : unreachable + " targets do not answer.";
            }
        };
    }

    private static String share(long some, long all, String one, String several) {
        if (some == all) {
            return all == 1 ? "Your container " + one + "." : "All " + all + " containers " + several + ".";
        }
        return some + " of " + all + " containers " + (some == 1 ? one : several) + ".";
    }
}
