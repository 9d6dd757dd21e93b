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
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.appliance.persistence.Containers;
import org.tidemark.appliance.persistence.Names;
import org.tidemark.appliance.persistence.PolicyEntry;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.service.ContainerProtection;
import org.tidemark.appliance.service.ContainerRegistry;
import org.tidemark.appliance.service.Discovery;
import org.tidemark.appliance.service.Host;
import org.tidemark.appliance.service.ImageFacts;
import org.tidemark.appliance.service.Snapshots;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;

/** Containers: what is protected. */
@Path("/api/v1/containers")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public final class ContainersResource {
    private final Containers containers;
    private final ContainerProtection protection;
    private final Discovery discovery;
    private final Host host;
    private final ContainerRegistry registry;

    @Inject
    public ContainersResource(
            Containers containers,
            ContainerProtection protection,
            Discovery discovery,
            Host host,
            ContainerRegistry registry) {
        this.containers = containers;
        this.protection = protection;
        this.discovery = discovery;
        this.host = host;
        this.registry = registry;
    }

    /** An image by its path; without an id it gets one. */
    @Schema(name = "ImageRequest")
    public record ImageRequest(@Nullable String id, @NotNull String path) {}

    /** A container of runc; root is runc's state folder, usually /run/runc. */
    @Schema(name = "RuncRequest")
    public record RuncRequest(@NotNull String id, @Nullable String root) {}

    /** A container by one of: its images, where it is mounted, what runc calls it. */
    @Schema(name = "ContainerRequest")
    public record ContainerRequest(
            @NotNull @Pattern(regexp = Names.PATTERN, message = "must be up to 128 letters, digits, '.', '_' and '-'")
            String name,

            @Nullable List<@Valid ImageRequest> images,
            @Nullable String mount,
            @Nullable @Valid RuncRequest runc) {}

    /** The same without a name. */
    @Schema(name = "DiscoverRequest")
    public record DiscoverRequest(
            @Nullable List<@Valid ImageRequest> images,
            @Nullable String mount,
            @Nullable @Valid RuncRequest runc) {}

    /** Other images for a container. */
    @Schema(name = "ContainerUpdate")
    public record ContainerUpdate(@NotNull List<@Valid ImageRequest> images) {}

    /** What was found. */
    @Schema(name = "Discovered")
    public record Discovered(
            List<ContainerView.ImageView> images, ContainerView.RuntimeView runtime, List<String> notices) {}

    @GET
    @RolesAllowed(Scope.MAY_READ)
    public Page<ContainerView> list(
            @QueryParam("limit") @Nullable Integer limit, @QueryParam("after") @Nullable String after)
            throws IOException {
        Page<ContainerEntry> page = Page.of(containers.all(), limit, after, ContainerEntry::name);
        List<AttachedDevice> devices = host.devices();
        ContainerProtection.Look look = protection.at(Instant.now());
        List<ContainerView> items = new ArrayList<>();
        for (ContainerEntry entry : page.items()) {
            items.add(view(entry, look, devices));
        }
        return new Page<>(items, page.next());
    }

    @GET
    @Path("{name}")
    @RolesAllowed(Scope.MAY_READ)
    public ContainerView get(@PathParam("name") String name) throws IOException {
        return view(containers.get(name), protection.at(Instant.now()), host.devices());
    }

    @POST
    @RolesAllowed(Scope.MAY_ADMINISTER)
    @APIResponse(responseCode = "201")
    @APIResponseSchema(value = ContainerView.class, responseCode = "201")
    public Response add(@Valid @NotNull ContainerRequest request) throws IOException {
        registry.add(
                request.name(),
                found(discovery, new DiscoverRequest(request.images(), request.mount(), request.runc())));
        return Response.status(Response.Status.CREATED)
                .location(URI.create("/api/v1/containers/" + request.name()))
                .entity(get(request.name()))
                .build();
    }

    /** Looks and changes nothing. */
    @POST
    @Path("discover")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public Discovered discover(@Valid @NotNull DiscoverRequest request) throws IOException {
        Discovery.Found found = found(discovery, request);
        List<AttachedDevice> devices = host.devices();
        List<ContainerView.ImageView> images = new ArrayList<>();
        for (ContainerEntry.Image image : found.images()) {
            images.add(image(image, devices));
        }
        return new Discovered(images, ContainerView.RuntimeView.of(found.runtime()), found.notices());
    }

    @PUT
    @Path("{name}")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public ContainerView update(@PathParam("name") String name, @Valid @NotNull ContainerUpdate request)
            throws IOException {
        registry.update(name, found(discovery, new DiscoverRequest(request.images(), null, null)));
        return get(name);
    }

    /**
     * A snapshot of all images of a container, made at one instant.
     *
     * @param grade {@code filesystem}: every file system was frozen; {@code closed}: nothing was attached
     */
    @Schema(name = "ContainerSnapshot")
    public record ContainerSnapshot(
            @Schema(required = true) String id,
            @Schema(required = true) List<String> images,
            @Schema(required = true) String grade,
            @Schema(required = true) long frozenMillis,
            @Schema(required = true) String notice) {}

    /** Makes a snapshot of all images at one instant, of one name; when one of them fails none has it. */
    @POST
    @Path("{name}/snapshots")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    @APIResponse(responseCode = "201")
    @APIResponseSchema(value = ContainerSnapshot.class, responseCode = "201")
    public Response snapshot(@PathParam("name") String name) throws IOException {
        List<String> images = containers.get(name).images().stream()
                .map(ContainerEntry.Image::path)
                .toList();
        Snapshots.Together made = new Snapshots(host::connectIfRunning).createTogether(images);
        return Response.status(Response.Status.CREATED)
                .entity(new ContainerSnapshot(
                        made.guid(), made.images(), made.grade(), made.frozenMillis(), made.notice()))
                .build();
    }

    /** Its points stay where they are, and can be restored under its name. */
    @DELETE
    @Path("{name}")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public void remove(@PathParam("name") String name) throws IOException {
        registry.remove(name);
    }

    static Discovery.Found found(Discovery discovery, DiscoverRequest request) throws IOException {
        int ways = (request.images() == null ? 0 : 1)
                + (request.mount() == null ? 0 : 1)
                + (request.runc() == null ? 0 : 1);
        if (ways != 1) {
            throw ApplianceException.usage("give one of images, mount and runc");
        }
        if (request.images() != null) {
            return discovery.images(request.images().stream()
                    .map(image -> new Discovery.Named(image.id(), image.path()))
                    .toList());
        }
        if (request.mount() != null) {
            return discovery.mounted(request.mount());
        }
        RuncRequest runc = java.util.Objects.requireNonNull(request.runc());
        return discovery.runc(runc.id(), runc.root());
    }

    private static ContainerView view(ContainerEntry entry, ContainerProtection.Look look, List<AttachedDevice> devices)
            throws IOException {
        List<ContainerView.ImageView> images = new ArrayList<>();
        for (ContainerEntry.Image image : entry.images()) {
            images.add(image(image, devices));
        }
        return new ContainerView(
                entry.name(),
                images,
                ContainerView.RuntimeView.of(entry.runtime()),
                look.policiesOf(entry).stream().map(PolicyEntry::name).toList(),
                ContainerView.ProtectionView.of(look.of(entry)),
                entry.createdAt());
    }

    private static ContainerView.ImageView image(ContainerEntry.Image image, List<AttachedDevice> devices)
            throws IOException {
        Optional<AttachedDevice> device = Host.deviceOf(devices, image.path());
        @Nullable String format = null;
        @Nullable Long sizeBytes = device.map(AttachedDevice::sizeBytes).orElse(null);
        @Nullable String problem = null;
        Optional<java.nio.file.Path> here = ImagePlace.of(image.path()).path();
        if (here.isPresent()) {
            try {
                ImageFacts facts = ImageFacts.of(here.get());
                format = facts.formatId();
                sizeBytes = facts.sizeBytes();
            } catch (IOException e) {
                problem = FailureKind.words(e);
            }
        }
        @Nullable String mountPoint = null;
        @Nullable String fileSystem = null;
        if (device.isPresent()) {
            Optional<java.nio.file.Path> where = Host.mountPoint(device.get());
            if (where.isPresent()) {
                mountPoint = where.get().toString();
                fileSystem = Host.fileSystemAt(where.get());
            }
        }
        return new ContainerView.ImageView(
                image.id(),
                image.path(),
                format,
                sizeBytes,
                device.isPresent(),
                device.map(AttachedDevice::deviceId).orElse(null),
                device.map(AttachedDevice::blockDevice).orElse(null),
                mountPoint,
                fileSystem,
                problem);
    }
}
