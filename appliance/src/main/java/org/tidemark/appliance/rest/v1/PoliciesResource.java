package org.tidemark.appliance.rest.v1;

import jakarta.annotation.security.RolesAllowed;
import jakarta.inject.Inject;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.IOException;
import java.net.URI;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.Names;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.PolicyEntry;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.service.PolicyRegistry;
import org.tidemark.appliance.service.Timetable;

/** Policies: what is backed up when, where to, and how long it is kept. */
@Path("/api/v1/policies")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public final class PoliciesResource {
    private static final int PREVIEWED = 5;

    private final Policies policies;
    private final PolicyRegistry registry;
    private final Timetable timetable;

    @Inject
    public PoliciesResource(Policies policies, PolicyRegistry registry, Timetable timetable) {
        this.policies = policies;
        this.registry = registry;
        this.timetable = timetable;
    }

    /** A policy to be made, or what one shall become (its name is in the address then, and may be left out). */
    @Schema(name = "PolicyRequest")
    public record PolicyRequest(
            @Nullable @Pattern(regexp = Names.PATTERN, message = "must be up to 128 letters, digits, '.', '_' and '-'")
            String name,

            @NotNull List<String> containers,
            @NotNull String target,
            @NotNull @Valid PolicyEntry.Schedule schedule,
            @Valid PolicyEntry.@Nullable Retention retention,
            @Nullable Boolean enabled) {}

    /** A schedule to be looked at. */
    @Schema(name = "PolicyPreviewRequest")
    public record PreviewRequest(
            @NotNull @Valid PolicyEntry.Schedule schedule,
            @Valid PolicyEntry.@Nullable Retention retention) {}

    /** What it means. */
    @Schema(name = "PolicyPreview")
    public record Preview(String sentence, List<Instant> next, String retentionSentence) {}

    @GET
    @RolesAllowed(Scope.MAY_READ)
    public Page<PolicyView> list(
            @QueryParam("limit") @Nullable Integer limit, @QueryParam("after") @Nullable String after)
            throws IOException {
        Page<PolicyEntry> page = Page.of(policies.all(), limit, after, PolicyEntry::name);
        List<PolicyView> items = new ArrayList<>();
        for (PolicyEntry entry : page.items()) {
            items.add(view(entry));
        }
        return new Page<>(items, page.next());
    }

    @GET
    @Path("{name}")
    @RolesAllowed(Scope.MAY_READ)
    public PolicyView get(@PathParam("name") String name) throws IOException {
        return view(policies.get(name));
    }

    @POST
    @RolesAllowed(Scope.MAY_ADMINISTER)
    @APIResponse(responseCode = "201")
    @APIResponseSchema(value = PolicyView.class, responseCode = "201")
    public Response add(@Valid @NotNull PolicyRequest request) throws IOException {
        if (request.name() == null) {
            throw ApplianceException.usage("'name' is missing");
        }
        Instant now = Instant.now();
        registry.add(entry(request.name(), request, now, now));
        return Response.status(Response.Status.CREATED)
                .location(URI.create("/api/v1/policies/" + request.name()))
                .entity(get(request.name()))
                .build();
    }

    @PUT
    @Path("{name}")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public PolicyView update(@PathParam("name") String name, @Valid @NotNull PolicyRequest request) throws IOException {
        if (request.name() != null && !request.name().equals(name)) {
            throw ApplianceException.usage("a policy keeps its name; make a new one instead");
        }
        PolicyEntry before = policies.get(name);
        boolean same = before.schedule().equals(request.schedule())
                && before.enabled() == !Boolean.FALSE.equals(request.enabled());
        registry.update(entry(name, request, before.createdAt(), same ? before.effectiveAt() : Instant.now()));
        return get(name);
    }

    @DELETE
    @Path("{name}")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public void remove(@PathParam("name") String name) throws IOException {
        policies.remove(name);
    }

    /** Says in words what a schedule means, and when it would run. */
    @POST
    @Path("preview")
    @RolesAllowed(Scope.MAY_READ)
    public Preview preview(@Valid @NotNull PreviewRequest request) throws IOException {
        return new Preview(
                timetable.sentence(request.schedule()),
                timetable.nextRuns(request.schedule(), Instant.now(), PREVIEWED),
                timetable.retentionSentence(
                        Objects.requireNonNullElse(request.retention(), PolicyEntry.Retention.ALL)));
    }

    static PolicyEntry entry(String name, PolicyRequest request, Instant createdAt, Instant effectiveAt) {
        return new PolicyEntry(
                name,
                request.target(),
                request.containers().stream().distinct().toList(),
                request.schedule(),
                Objects.requireNonNullElse(request.retention(), PolicyEntry.Retention.ALL),
                !Boolean.FALSE.equals(request.enabled()),
                createdAt,
                effectiveAt);
    }

    private PolicyView view(PolicyEntry entry) throws IOException {
        Instant now = Instant.now();
        List<Policies.Progress> progress = policies.progress();
        return new PolicyView(
                entry.name(),
                entry.containers(),
                entry.target(),
                entry.schedule(),
                entry.retention(),
                entry.enabled(),
                timetable.sentence(entry.schedule()),
                entry.enabled()
                        ? entry.containers().stream()
                                .flatMap(container -> Timetable.next(entry, progress, container, now).stream())
                                .min(Instant::compareTo)
                                .orElse(null)
                        : null,
                progress.stream()
                        .filter(one -> one.policy().equals(entry.name()))
                        .map(Policies.Progress::lastRunAt)
                        .filter(Objects::nonNull)
                        .max(Instant::compareTo)
                        .orElse(null),
                entry.createdAt());
    }
}
