package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import jakarta.annotation.security.RolesAllowed;
import jakarta.inject.Inject;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Positive;
import jakarta.validation.constraints.PositiveOrZero;
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
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.appliance.persistence.Containers;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.DeviceMount;
import org.tidemark.appliance.service.Host;
import org.tidemark.appliance.service.ImageResize;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.server.ControlClient;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.Fields;

/** Block devices of this host. */
@Path("/api/v1/devices")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public final class DevicesResource {
    private static final Duration DETACH_LIMIT = Duration.ofSeconds(30);
    private static final Duration ABORT_LIMIT = Duration.ofSeconds(5);

    private final Host host;
    private final Containers containers;

    @Inject
    public DevicesResource(Host host, Containers containers) {
        this.host = host;
        this.containers = containers;
    }

    /** A device. */
    @Schema(name = "Device")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record DeviceView(
            @Schema(required = true) String deviceId,
            @Schema(required = true) String image,
            @Schema(required = true) String blockDevice,
            @Schema(required = true) boolean readOnly,
            @Schema(required = true) String state,
            @Schema(required = true) long sizeBytes,

            @Schema(description = "A sentence, when something is wrong with it") @Nullable
            String trouble,

            @Schema(description = "Requests that wait for space on the disk below")
            long waitingForSpace,

            @Schema(required = true) DeviceSettings settings,
            @Nullable String mountPoint,
            @Nullable String container) {}

    /**
     * What can be changed while a device is attached; what is left out stays, or is as usual.
     *
     * @param onFull {@code wait} (usual) or {@code error}: what a write does when the disk below is full
     * @param iops requests a second, 0 for no limit, as {@code bytesPerSecond}
     * @param burstMillis what the limits allow in this time may be done at once after a rest
     */
    @Schema(name = "DeviceSettings")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record DeviceSettings(
            @Nullable @Pattern(regexp = "wait|error") String onFull,
            @Nullable @PositiveOrZero Long iops,
            @Nullable @PositiveOrZero Long bytesPerSecond,
            @Nullable @PositiveOrZero Long burstMillis) {
        static DeviceSettings of(ControlClient.Settings settings) {
            return new DeviceSettings(
                    settings.onFull(), settings.iops(), settings.bytesPerSecond(), settings.burstMillis());
        }

        Fields given() {
            return Fields.of(
                    "onFull", onFull, "iops", iops, "bytesPerSecond", bytesPerSecond, "burstMillis", burstMillis);
        }
    }

    /**
     * What to attach.
     *
     * @param mount an existing folder to mount its file system on
     * @param recover for an image that another host had open last and certainly has not any more
     */
    @Schema(name = "DeviceRequest")
    public record DeviceRequest(
            @NotNull String image,
            @Nullable Boolean readOnly,
            @Nullable String mount,
            @Nullable Boolean recover,
            @Nullable @Valid DeviceSettings settings) {}

    @GET
    @RolesAllowed(Scope.MAY_READ)
    public Page<DeviceView> list(
            @QueryParam("limit") @Nullable Integer limit, @QueryParam("after") @Nullable String after)
            throws IOException {
        List<DeviceView> all = new ArrayList<>();
        List<ContainerEntry> known = containers.all();
        for (AttachedDevice device : host.devices()) {
            all.add(view(device, known));
        }
        return Page.of(all, limit, after, DeviceView::deviceId);
    }

    @POST
    @RolesAllowed(Scope.MAY_ADMINISTER)
    @APIResponse(responseCode = "201")
    @APIResponseSchema(value = DeviceView.class, responseCode = "201")
    public Response attach(@Valid @NotNull DeviceRequest request) throws IOException {
        ImagePlace image = ImagePlace.of(request.image());
        if (image.path().isPresent() && !image.path().get().isAbsolute()) {
            throw ApplianceException.usage("the path of an image must be absolute, not '" + image + "'");
        }
        boolean readOnly = Boolean.TRUE.equals(request.readOnly());
        Fields settings =
                request.settings() == null ? Fields.NONE : request.settings().given();
        try (DataPlane plane = host.connect()) {
            AttachedDevice device = plane.attach(
                    image,
                    new DataPlane.AttachOptions(
                            null, readOnly, Boolean.TRUE.equals(request.recover()), false, false, settings));
            if (request.mount() != null) {
                DeviceMount.mount(plane, device, java.nio.file.Path.of(request.mount()), readOnly);
            }
            return Response.status(Response.Status.CREATED)
                    .entity(view(device, containers.all()))
                    .build();
        }
    }

    /**
     * Unmounts it where it is mounted, and detaches it.
     *
     * @param abort by force, also when it is in use or its disk hangs: whoever uses it gets I/O errors
     */
    @DELETE
    @Path("{id}")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public void detach(@PathParam("id") String id, @QueryParam("abort") @Nullable Boolean abort) throws IOException {
        try (DataPlane plane = host.connect()) {
            if (Boolean.TRUE.equals(abort)) {
                plane.abort(device(plane, id), ABORT_LIMIT);
            } else {
                plane.detach(device(plane, id), DETACH_LIMIT);
            }
        }
    }

    /** Changes what is given of the settings; holds at once. */
    @PATCH
    @Path("{id}")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public DeviceView set(@PathParam("id") String id, @Valid @NotNull DeviceSettings settings) throws IOException {
        try (DataPlane plane = host.connect()) {
            AttachedDevice device = device(plane, id);
            return view(plane.client(device).set(id, settings.given()), containers.all());
        }
    }

    /**
     * A new size.
     *
     * @param sizeBytes rounded up to whole clusters
     * @param fileSystem whether the file system follows; it does unless this is false
     */
    @Schema(name = "DeviceSize")
    public record DeviceSize(
            @NotNull @Positive Long sizeBytes, @Nullable Boolean fileSystem) {}

    /** Makes the disk larger, with its partition and its file system, while it is used. */
    @POST
    @Path("{id}/resize")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public DeviceView resize(@PathParam("id") String id, @Valid @NotNull DeviceSize request) throws IOException {
        try (DataPlane plane = host.connect()) {
            AttachedDevice device = device(plane, id);
            ImageResize.growAttached(plane, device, request.sizeBytes(), !Boolean.FALSE.equals(request.fileSystem()));
            return view(device(plane, id), containers.all());
        }
    }

    private static AttachedDevice device(DataPlane plane, String id) throws IOException {
        return plane.devices().stream()
                .filter(one -> one.deviceId().equals(id))
                .findFirst()
                .orElseThrow(() -> ApplianceException.notFound("there is no device '" + id + "'"));
    }

    private static DeviceView view(AttachedDevice device, List<ContainerEntry> containers) throws IOException {
        return new DeviceView(
                device.deviceId(),
                device.image().toString(),
                device.blockDevice(),
                device.readOnly(),
                device.state(),
                device.sizeBytes(),
                device.trouble().isEmpty() ? null : device.trouble(),
                device.waitingForSpace(),
                DeviceSettings.of(device.settings()),
                Host.mountPoint(device).map(java.nio.file.Path::toString).orElse(null),
                containers.stream()
                        .filter(entry -> entry.images().stream().anyMatch(image -> image.path()
                                .equals(device.image().toString())))
                        .map(ContainerEntry::name)
                        .findFirst()
                        .orElse(null));
    }
}
