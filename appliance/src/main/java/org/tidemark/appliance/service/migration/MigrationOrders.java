package org.tidemark.appliance.service.migration;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.Containers;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.Jobs;
import org.tidemark.appliance.persistence.MigrationEntry;
import org.tidemark.appliance.persistence.Migrations;
import org.tidemark.appliance.persistence.NewJob;
import org.tidemark.appliance.persistence.PeerEntry;
import org.tidemark.appliance.persistence.Peers;

/** Checks what is asked for before it is queued, so that what cannot work is refused at once. */
@Singleton
public final class MigrationOrders {
    /** In a migration's details: somebody answered for the other side, which cannot. */
    static final String TAKEN_BACK = "takenBack";

    private final Containers containers;
    private final Peers peers;
    private final Migrations migrations;
    private final Jobs jobs;
    private final Arrivals arrivals;

    @Inject
    public MigrationOrders(Containers containers, Peers peers, Migrations migrations, Jobs jobs, Arrivals arrivals) {
        this.containers = containers;
        this.peers = peers;
        this.migrations = migrations;
        this.jobs = jobs;
        this.arrivals = arrivals;
    }

    /**
     * What somebody wants.
     *
     * @param destination the folder there for the images; null for where they lie here
     * @param maxRounds rounds of what changed, before the container is stopped; null for the usual number
     * @param bytesPerSecond bound for what is sent while it runs; null for none
     * @param throttle whether the container is slowed down when it changes more than is sent meanwhile
     */
    public record Order(
            String container,
            String peer,
            @Nullable String destination,
            @Nullable Integer maxRounds,
            @Nullable Long bytesPerSecond,
            @Nullable Boolean throttle) {}

    /** The job to queue. */
    public NewJob checked(Order order, String who) throws IOException {
        containers.get(order.container());
        PeerEntry peer = peers.get(order.peer());
        if (peer.address() == null) {
            throw ApplianceException.conflict(
                    "peer '" + peer.name()
                            + "' does not wait for others. Set TIDEMARK_PEER_LISTEN there, and pair from here with an invitation of it");
        }
        if (order.destination() != null && !Path.of(order.destination()).isAbsolute()) {
            throw ApplianceException.usage(
                    "the folder for the images must be an absolute path there, not '" + order.destination() + "'");
        }
        Map<String, Object> request = new LinkedHashMap<>();
        request.put("kind", JobEntry.Kind.MIGRATE.name());
        request.put("container", order.container());
        request.put("peer", order.peer());
        put(request, "destination", order.destination());
        put(request, "maxRounds", order.maxRounds());
        put(request, "bytesPerSecond", order.bytesPerSecond());
        put(request, "throttle", order.throttle());
        return new NewJob(JobEntry.Kind.MIGRATE, order.container(), null, null, JobEntry.Cause.MANUAL, who, request);
    }

    private static void put(Map<String, Object> request, String name, @Nullable Object value) {
        if (value != null) {
            request.put(name, value);
        }
    }

    /** The job that goes on with what is decided, or starts what has arrived. */
    public NewJob goOn(String id, String who) throws IOException {
        MigrationEntry migration = migrations.get(id);
        boolean out = migration.direction() == MigrationEntry.Direction.OUT
                && (migration.state() == MigrationEntry.State.LEAVING
                        || migration.state() == MigrationEntry.State.STOPPED);
        boolean in = migration.direction() == MigrationEntry.Direction.IN
                && migration.state() == MigrationEntry.State.ARRIVED;
        if (out) {
            return MigrateWork.resumed(migration, who);
        }
        if (!in) {
            throw ApplianceException.conflict("migration " + id + " is "
                    + migration.state().name().toLowerCase(Locale.ROOT) + "; there is nothing to go on with");
        }
        Map<String, Object> request = new LinkedHashMap<>();
        request.put("kind", JobEntry.Kind.ARRIVE.name());
        request.put("container", migration.container());
        request.put("migration", migration.id());
        return new NewJob(JobEntry.Kind.ARRIVE, migration.container(), null, null, JobEntry.Cause.MANUAL, who, request);
    }

    /**
     * Ends a migration that waits for a side that will not answer. What is coming here is refused, which its source hears whenever it
     * asks. What was handed over from here and not acknowledged is taken back: only somebody who knows that the other side does not
     * have it, or will never run it, may say that.
     *
     * @param really the container's name, typed by that person; only needed for what is taken back
     * @return the job that starts it here again; empty when there is nothing to start, or its job is at it already
     */
    public Optional<NewJob> abandon(String id, @Nullable String really, String who) throws IOException {
        MigrationEntry migration = migrations.get(id);
        if (migration.direction() == MigrationEntry.Direction.IN) {
            arrivals.giveUp(id);
            return Optional.empty();
        }
        if (migration.state() == MigrationEntry.State.COPYING) {
            throw ApplianceException.conflict("container '" + migration.container()
                    + "' still runs here; cancel the job with 'tidemark job cancel'");
        }
        if (migration.state() == MigrationEntry.State.LEAVING) {
            if (!migration.container().equals(really)) {
                throw ApplianceException.conflict("container '" + migration.container() + "' was handed over to "
                        + migration.peer()
                        + ", which may run it. Only when it is certain that it does not, and never will"
                        + " (abandon it there first, if it can be reached), say --really " + migration.container());
            }
            Map<String, Object> details = new LinkedHashMap<>(migration.details());
            details.put(TAKEN_BACK, who);
            migrations.details(id, details);
        } else if (migration.state() != MigrationEntry.State.STOPPED) {
            throw ApplianceException.conflict("migration " + id + " is "
                    + migration.state().name().toLowerCase(Locale.ROOT) + "; there is nothing to abandon");
        }
        return jobs.hasOpen(JobEntry.Kind.MIGRATE, migration.container())
                ? Optional.empty()
                : Optional.of(MigrateWork.resumed(migration, who));
    }
}
