package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.annotation.JsonInclude;
import jakarta.annotation.security.RolesAllowed;
import jakarta.inject.Inject;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.IOException;
import java.net.URI;
import java.time.Instant;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.Names;
import org.tidemark.appliance.persistence.PeerEntry;
import org.tidemark.appliance.persistence.Peers;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.service.peer.Pairing;

/** Other appliances that this one was paired with. */
@Path("/api/v1/peers")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
public final class PeersResource {
    private final Peers peers;
    private final Pairing pairing;

    @Inject
    public PeersResource(Peers peers, Pairing pairing) {
        this.peers = peers;
        this.pairing = pairing;
    }

    /** Another appliance; without an address it only comes to us. */
    @Schema(name = "Peer")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record PeerView(
            @Schema(required = true) String name,
            @Nullable String address,
            @Schema(required = true) String fingerprint,
            @Schema(required = true) Instant pairedAt) {
        static PeerView of(PeerEntry entry) {
            return new PeerView(entry.name(), entry.address(), entry.fingerprint(), entry.pairedAt());
        }
    }

    /** An invitation of another appliance; {@code as} is what this one is called there. */
    @Schema(name = "PeerRequest")
    public record PeerRequest(
            @NotNull @Pattern(regexp = Names.PATTERN, message = "must be up to 128 letters, digits, '.', '_' and '-'")
            String name,

            @NotNull String invitation,
            @Nullable String as) {}

    /** What another appliance is given; good for one use and a short time. */
    @Schema(name = "PeerInvitation")
    public record InvitationView(
            @Schema(required = true) String invitation,
            @Schema(required = true) Instant expiresAt) {}

    @GET
    @RolesAllowed(Scope.MAY_READ)
    public Page<PeerView> list(
            @QueryParam("limit") @Nullable Integer limit, @QueryParam("after") @Nullable String after)
            throws IOException {
        Page<PeerEntry> page = Page.of(peers.all(), limit, after, PeerEntry::name);
        List<PeerView> items = page.items().stream().map(PeerView::of).toList();
        return new Page<>(items, page.next());
    }

    @POST
    @Path("invitations")
    @Consumes(MediaType.WILDCARD)
    @RolesAllowed(Scope.MAY_ADMINISTER)
    @APIResponse(responseCode = "201")
    @APIResponseSchema(value = InvitationView.class, responseCode = "201")
    public Response invite() throws IOException {
        Pairing.Invitation made = pairing.invite();
        return Response.status(Response.Status.CREATED)
                .entity(new InvitationView(made.text(), made.expiresAt()))
                .build();
    }

    @POST
    @RolesAllowed(Scope.MAY_ADMINISTER)
    @APIResponse(responseCode = "201")
    @APIResponseSchema(value = PeerView.class, responseCode = "201")
    public Response add(@Valid @NotNull PeerRequest request) throws IOException {
        PeerEntry made = pairing.join(request.name(), request.invitation(), request.as());
        return Response.status(Response.Status.CREATED)
                .location(URI.create("/api/v1/peers/" + made.name()))
                .entity(PeerView.of(made))
                .build();
    }

    /** It may not come any more, and nothing goes there; it still believes to be paired. */
    @DELETE
    @Path("{name}")
    @RolesAllowed(Scope.MAY_ADMINISTER)
    public void remove(@PathParam("name") String name) throws IOException {
        peers.remove(name);
    }
}
