package org.tidemark.appliance.service.job;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.Containers;
import org.tidemark.appliance.persistence.JobEntry;
import org.tidemark.appliance.persistence.Names;
import org.tidemark.appliance.persistence.NewJob;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.service.Repositories;

/** Checks what is asked for before it is queued, so that what cannot work is refused at once. */
@Singleton
public final class JobOrders {
    private final Containers containers;
    private final Repositories repositories;

    @Inject
    public JobOrders(Containers containers, Repositories repositories) {
        this.containers = containers;
        this.repositories = repositories;
    }

    /** What somebody wants; see the API. */
    public record Order(
            JobEntry.Kind kind,
            @Nullable String container,
            @Nullable String target,
            @Nullable String point,
            @Nullable String image,
            @Nullable String destination,
            @Nullable String format) {}

    /** The job to queue, its target chosen. */
    public NewJob checked(Order order, String who) throws IOException {
        TargetEntry place = repositories.choose(order.target());
        String target = place.name();
        Map<String, Object> request = new LinkedHashMap<>();
        request.put("kind", order.kind().name());
        request.put("target", target);
        put(request, "container", order.container());
        switch (order.kind()) {
            case BACKUP -> {
                refuse(order.point() != null || order.image() != null, "a backup takes only container and target");
                refuse(order.destination() != null || order.format() != null, "a backup has no destination or format");
                containers.get(needed(order.container(), "container"));
                Repositories.demandWritable(place);
            }
            case RESTORE -> {
                Names.check(needed(order.container(), "container"));
                put(request, "point", needed(order.point(), "point"));
                put(request, "image", order.image());
                put(request, "destination", destination(needed(order.destination(), "destination")));
                refuse(
                        order.format() != null
                                && !order.format().equals("raw")
                                && !order.format().equals("expanded"),
                        "format must be raw or expanded");
                put(request, "format", order.format());
            }
            case VERIFY -> {
                refuse(order.destination() != null || order.format() != null, "a verification has no destination");
                refuse(order.point() != null && order.container() == null, "a point needs its container");
                if (order.container() != null) {
                    Names.check(order.container());
                }
                put(request, "point", order.point());
            }
            case SNAPSHOT_DELETE, SNAPSHOT_MERGE ->
                throw ApplianceException.usage("snapshots are deleted and merged under /api/v1/snapshots");
            case MIGRATE, ARRIVE -> throw ApplianceException.usage("containers move under /api/v1/migrations");
            case REPLICATE -> throw ApplianceException.usage("replicas are brought up under /api/v1/replicas");
        }
        return new NewJob(order.kind(), order.container(), target, null, JobEntry.Cause.MANUAL, who, request);
    }

    /** The job that deletes or merges one snapshot of an image; that there is one has been looked at. */
    public static NewJob ofSnapshot(JobEntry.Kind kind, String image, String guid, String who) {
        Map<String, Object> request = new LinkedHashMap<>();
        request.put("kind", kind.name());
        request.put("image", image);
        request.put("snapshot", guid);
        return new NewJob(kind, null, null, null, JobEntry.Cause.MANUAL, who, request);
    }

    private static String destination(String words) throws IOException {
        Path path = Path.of(words);
        if (!path.isAbsolute()) {
            throw ApplianceException.usage("the destination must be an absolute path, not '" + words + "'");
        }
        Path clean = path.normalize();
        if (Files.exists(clean)) {
            throw new FileAlreadyExistsException(
                    clean + " exists already; a restore never writes over anything: take another name");
        }
        Path parent = clean.getParent();
        if (parent == null || !Files.isDirectory(parent)) {
            throw new NoSuchFileException(
                    "folder " + parent + " of the destination is not there; make it, or take another");
        }
        return clean.toString();
    }

    private static String needed(@Nullable String value, String field) throws ApplianceException {
        if (value == null || value.isEmpty()) {
            throw ApplianceException.usage("'" + field + "' is missing");
        }
        return value;
    }

    private static void refuse(boolean wrong, String words) throws ApplianceException {
        if (wrong) {
            throw ApplianceException.usage(words);
        }
    }

    private static void put(Map<String, Object> request, String name, @Nullable String value) {
        if (value != null) {
            request.put(name, value);
        }
    }
}
