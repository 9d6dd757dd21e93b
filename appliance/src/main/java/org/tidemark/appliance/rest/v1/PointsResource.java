package org.tidemark.appliance.rest.v1;

import jakarta.annotation.security.RolesAllowed;
import jakarta.inject.Inject;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.Names;
import org.tidemark.appliance.persistence.PointCache;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.service.Points;
import org.tidemark.appliance.service.Repositories;
import org.tidemark.appliance.service.Retention;
import org.tidemark.backup.repository.log.PointList;
import org.tidemark.backup.repository.log.PointSelector;
import org.tidemark.backup.repository.log.RecoveryPoint;

/** Recovery points of a container. */
@Path("/api/v1/containers/{name}/points")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public final class PointsResource {
    private final Targets targets;
    private final Repositories repositories;
    private final Points points;
    private final PointCache cache;
    private final Retention retention;

    @Inject
    public PointsResource(
            Targets targets, Repositories repositories, Points points, PointCache cache, Retention retention) {
        this.targets = targets;
        this.repositories = repositories;
        this.points = points;
        this.cache = cache;
        this.retention = retention;
    }

    /** Whether a point is kept whatever the policies say. */
    @Schema(name = "PointProtection")
    public record PointProtection(
            @com.fasterxml.jackson.annotation.JsonProperty("protected") @NotNull
            Boolean isProtected) {}

    /** Newest first; of one target, or of all of them but for replicas, whose points are those of their sources. */
    @GET
    @RolesAllowed(Scope.MAY_READ)
    public Page<PointView> list(
            @PathParam("name") String name,
            @QueryParam("target") @Nullable String target,
            @QueryParam("expired") boolean expired,
            @QueryParam("limit") @Nullable Integer limit,
            @QueryParam("after") @Nullable String after)
            throws IOException {
        Names.check(name);
        List<PointView> all = new ArrayList<>();
        for (TargetEntry entry : asked(target)) {
            PointList list = ask(entry, name, target != null);
            Map<String, PointCache.Mark> marks = cache.marks(entry, name);
            for (RecoveryPoint point : list.points()) {
                PointCache.Mark mark = marks.getOrDefault(point.pointId(), PointCache.Mark.NONE);
                if (expired || mark.expiredAt() == null) {
                    all.add(PointView.of(entry.name(), point, mark));
                }
            }
        }
        all.sort(Comparator.comparing(PointView::instant)
                .thenComparingLong(PointView::sequence)
                .reversed());
        return Page.of(all, limit, after, view -> view.target() + "/" + view.pointId());
    }

    private List<TargetEntry> asked(@Nullable String target) throws IOException {
        return target == null
                ? targets.all().stream().filter(entry -> !entry.isReplica()).toList()
                : List.of(targets.get(target));
    }

    /** One target that does not answer must not hide the points of the others: what is known of it is shown. */
    private PointList ask(TargetEntry entry, String name, boolean onlyThis) throws IOException {
        try {
            PointList list = points.recent(entry, repositories.of(entry), name);
            repositories.seen(entry.name(), null);
            return list;
        } catch (IOException e) {
            repositories.seen(entry.name(), e);
            PointList known = points.known(entry, name);
            if (onlyThis && known.points().isEmpty()) {
                throw e;
            }
            return known;
        }
    }

    @GET
    @Path("{point}")
    @RolesAllowed(Scope.MAY_READ)
    public PointView get(
            @PathParam("name") String name,
            @PathParam("point") String point,
            @QueryParam("target") @Nullable String target)
            throws IOException {
        TargetEntry entry = repositories.choose(target);
        RecoveryPoint found = PointSelector.select(ask(entry, Names.check(name), true), point);
        return view(entry, found);
    }

    @PUT
    @Path("{point}/protection")
    @RolesAllowed({Scope.MAY_BACKUP, Scope.MAY_ADMINISTER})
    public PointView protect(
            @PathParam("name") String name,
            @PathParam("point") String point,
            @QueryParam("target") @Nullable String target,
            @Valid @NotNull PointProtection request)
            throws IOException {
        TargetEntry entry = repositories.choose(target);
        RecoveryPoint found = PointSelector.select(ask(entry, Names.check(name), true), point);
        retention.protect(entry, found, Boolean.TRUE.equals(request.isProtected()));
        return view(entry, found);
    }

    private PointView view(TargetEntry entry, RecoveryPoint point) {
        return PointView.of(
                entry.name(),
                point,
                cache.marks(entry, point.containerId()).getOrDefault(point.pointId(), PointCache.Mark.NONE));
    }
}
