package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import jakarta.annotation.security.RolesAllowed;
import jakarta.inject.Inject;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PATCH;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.Names;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.appliance.rest.Problem;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.service.Repositories;
import org.tidemark.appliance.service.TargetRegistry;
import org.tidemark.appliance.service.TargetTest;

/** Targets: where backups go. */
@Path("/api/v1/targets")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public final class TargetsResource {
    private static final int USUAL_JOBS = 2;

    private final Targets targets;
    private final TargetRegistry registry;
    private final Repositories repositories;

    @Inject
    public TargetsResource(Targets targets, TargetRegistry registry, Repositories repositories) {
        this.targets = targets;
        this.registry = registry;
        this.repositories = repositories;
    }

    /** A target to be made or tested. */
    @Schema(name = "TargetRequest")
    public record TargetRequest(
            @NotNull @Pattern(regexp = Names.PATTERN, message = "must be up to 128 letters, digits, '.', '_' and '-'")
            String name,

            TargetEntry.@NotNull Kind kind,
            @Nullable @Valid LocalSettings local,
            @Nullable @Valid NfsSettings nfs,
            @Nullable @Valid S3Settings s3,
            @Nullable @Min(1) @Max(64) Integer maxJobs) {}

    /** What to change; what is missing stays. */
    @Schema(name = "TargetUpdate")
    public record TargetUpdate(
            @Nullable @Min(1) @Max(64) Integer maxJobs, S3Settings.@Nullable @Valid Credentials credentials) {}

    /** What a test saw, step by step. */
    @Schema(name = "TargetTestResult")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record TestResult(
            @Schema(required = true) boolean ok,
            @Schema(required = true) long millis,
            @Schema(required = true) List<Step> steps,
            @Schema(required = true) boolean singleWriter,
            @Nullable String notice,
            @Nullable Problem error) {}

    /** One step of a test. */
    @Schema(name = "TargetTestStep")
    public record Step(String name, boolean ok, long millis, String detail) {}

    /** Names of containers. */
    @Schema(name = "ContainerNames")
    public record ContainerNames(List<String> items) {}

    @GET
    @RolesAllowed(Scope.MAY_READ)
    public Page<TargetView> list(
            @QueryParam("limit") @Nullable Integer limit, @QueryParam("after") @Nullable String after)
            throws IOException {
        Page<TargetEntry> page = Page.of(targets.all(), limit, after, TargetEntry::name);
        List<TargetView> items = new ArrayList<>();
        for (TargetEntry entry : page.items()) {
            items.add(TargetView.of(entry, repositories.lastStatus(entry.name())));
        }
        return new Page<>(items, page.next());
    }

    @GET
    @Path("{name}")
    @RolesAllowed(Scope.MAY_READ)
    public TargetView get(@PathParam("name") String name) throws IOException {
        TargetEntry entry = targets.get(name);
        return TargetView.of(entry, repositories.status(entry));
    }

    /** Tests the place, makes a repository there or opens the one that is there, and remembers it. */
    @POST
    @RolesAllowed(Scope.MAY_ADMINISTER)
    @APIResponse(responseCode = "201")
    @APIResponseSchema(value = TargetView.class, responseCode = "201")
    public Response add(@Valid @NotNull TargetRequest request) throws IOException {
        TargetEntry entry = registry.add(wanted(request));
        return Response.status(Response.Status.CREATED)
                .location(URI.create("/api/v1/targets/" + entry.name()))
                .entity(TargetView.of(entry, repositories.lastStatus(entry.name())))
                .build();
    }

    /** Other credentials, or another bound; the place stays. */
    @PATCH
    @Path("{name}")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public TargetView update(@PathParam("name") String name, @Valid @NotNull TargetUpdate request) throws IOException {
        S3Settings.Credentials credentials = request.credentials();
        TargetEntry entry = registry.update(
                name,
                request.maxJobs(),
                credentials == null
                        ? null
                        : new S3Settings(null, null, "-", null, null, null, null, credentials).toSettings(),
                credentials == null
                        ? null
                        : new TargetRegistry.Secrets(credentials.secretKey(), credentials.sessionToken()));
        return TargetView.of(entry, repositories.lastStatus(name));
    }

    /** Forgets it; nothing on it is touched. */
    @DELETE
    @Path("{name}")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public void remove(@PathParam("name") String name) throws IOException {
        registry.remove(name);
    }

    /** Tests a place and remembers nothing. */
    @POST
    @Path("test")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public TestResult test(@Valid @NotNull TargetRequest request) throws IOException {
        return result(registry.test(wanted(request)));
    }

    @POST
    @Path("{name}/test")
    @Consumes(MediaType.WILDCARD)
    @RolesAllowed({Scope.MAY_BACKUP, Scope.MAY_ADMINISTER})
    public TestResult testKnown(@PathParam("name") String name) throws IOException {
        return result(registry.test(targets.get(name)));
    }

    /** Containers with points there, also such that this appliance does not know. */
    @GET
    @Path("{name}/containers")
    @RolesAllowed(Scope.MAY_READ)
    public ContainerNames containers(@PathParam("name") String name) throws IOException {
        return new ContainerNames(repositories.of(targets.get(name)).containers());
    }

    private static TestResult result(TargetTest.Result result) {
        return new TestResult(
                result.failure() == null,
                result.millis(),
                result.steps().stream()
                        .map(step -> new Step(step.name(), step.ok(), step.millis(), step.detail()))
                        .toList(),
                result.singleWriter(),
                result.notice(),
                result.failure() == null
                        ? null
                        : Problem.of(FailureKind.of(result.failure()), FailureKind.words(result.failure())));
    }

    static TargetRegistry.Wanted wanted(TargetRequest request) throws IOException {
        demandFitting(request);
        int maxJobs = request.maxJobs() == null ? USUAL_JOBS : request.maxJobs();
        LocalSettings folder = request.local();
        if (folder != null) {
            return plain(request, "path", folder.path(), maxJobs);
        }
        NfsSettings nfs = request.nfs();
        if (nfs != null) {
            return plain(request, "address", nfs.address(), maxJobs);
        }
        S3Settings s3 = java.util.Objects.requireNonNull(request.s3());
        S3Settings.Credentials credentials = s3.credentials();
        TargetRegistry.Secrets secrets = credentials == null
                ? TargetRegistry.Secrets.NONE
                : new TargetRegistry.Secrets(credentials.secretKey(), credentials.sessionToken());
        return new TargetRegistry.Wanted(request.name(), request.kind(), s3.toSettings(), secrets, maxJobs);
    }

    private static TargetRegistry.Wanted plain(TargetRequest request, String setting, String value, int maxJobs) {
        return new TargetRegistry.Wanted(
                request.name(), request.kind(), Map.of(setting, value), TargetRegistry.Secrets.NONE, maxJobs);
    }

    /** The settings of the kind, and of no other. */
    private static void demandFitting(TargetRequest request) throws IOException {
        boolean fitting = (request.local() != null) == (request.kind() == TargetEntry.Kind.LOCAL)
                && (request.nfs() != null) == (request.kind() == TargetEntry.Kind.NFS)
                && (request.s3() != null) == (request.kind() == TargetEntry.Kind.S3);
        if (!fitting) {
            throw ApplianceException.usage(
                    switch (request.kind()) {
                        case LOCAL -> "a LOCAL target needs 'local', and nothing of another kind";
                        case NFS -> "an NFS target needs 'nfs', and nothing of another kind";
                        case S3 -> "an S3 target needs 's3', and nothing of another kind";
                    });
        }
    }
}
