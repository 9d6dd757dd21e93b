package org.tidemark.appliance.service;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.time.Instant;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.appliance.persistence.Containers;
import org.tidemark.appliance.persistence.Jobs;

/** Adds, changes and removes containers. */
@Singleton
public final class ContainerRegistry {
    private final Containers containers;
    private final Jobs jobs;

    @Inject
    public ContainerRegistry(Containers containers, Jobs jobs) {
        this.containers = containers;
        this.jobs = jobs;
    }

    /** Adds a container whose images were found; no image may belong to two. */
    public ContainerEntry add(String name, Discovery.Found found) throws IOException {
        ContainerEntry entry = new ContainerEntry(name, found.images(), found.runtime(), Instant.now());
        checkOwners(entry);
        containers.add(entry);
        return entry;
    }

    /** Gives a container other images. */
    public void update(String name, Discovery.Found found) throws IOException {
        ContainerEntry before = containers.get(name);
        ContainerEntry entry = new ContainerEntry(name, found.images(), before.runtime(), before.createdAt());
        checkOwners(entry);
        containers.update(entry);
    }

    private void checkOwners(ContainerEntry entry) throws IOException {
        for (ContainerEntry other : containers.all()) {
            for (ContainerEntry.Image image : other.images()) {
                boolean both =
                        entry.images().stream().anyMatch(one -> one.path().equals(image.path()));
                if (both && !other.name().equals(entry.name())) {
                    throw ApplianceException.conflict("image " + image.path() + " belongs to container '" + other.name()
                            + "' already; one image has one container");
                }
            }
        }
    }

    /** Forgets a container that no job works on; its points stay where they are. */
    public void remove(String name) throws IOException {
        containers.get(name);
        if (jobs.open().stream().anyMatch(job -> name.equals(job.container()))) {
            throw ApplianceException.conflict("a job works on container '" + name + "'; wait for its end or cancel it");
        }
        containers.remove(name);
    }
}
