package org.tidemark.appliance.rest.v1;

import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.core.http.HttpServerRequest;
import jakarta.annotation.security.RolesAllowed;
import jakarta.inject.Singleton;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PATCH;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.Response;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.security.Audit;
import org.tidemark.appliance.security.Caller;
import org.tidemark.appliance.security.Role;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.security.User;
import org.tidemark.appliance.security.Users;

/** Who may sign in. */
@Path("/api/v1/users")
@Singleton
@RolesAllowed(Scope.MAY_ADMINISTER)
@Tag(name = "Users")
public class UsersResource {
    private final Users users;
    private final SecurityIdentity identity;

    public UsersResource(Users users, SecurityIdentity identity) {
        this.users = users;
        this.identity = identity;
    }

    /** A user to make. */
    public record NewUser(
            @NotBlank String userName,
            @NotBlank String password,
            @NotNull Role role) {}

    /** What is to change; null leaves it. */
    public record UserChange(
            @Nullable Role role,
            @Nullable String password,
            @Nullable Boolean disabled) {}

    @GET
    public Page<User> listUsers(
            @QueryParam("limit") @DefaultValue("100") @Min(1) @Max(500) int limit,
            @QueryParam("after") @DefaultValue("") String after) {
        return Page.of(users.list(after, limit + 1), limit, User::userName);
    }

    @POST
    public Response addUser(@NotNull(message = "is missing") @Valid NewUser body, @Context HttpServerRequest request)
            throws IOException {
        User user = users.create(body.userName(), body.password(), body.role());
        note(request, "made the user " + user.userName() + ", " + user.role());
        return Response.status(Response.Status.CREATED).entity(user).build();
    }

    @PATCH
    @Path("/{userName}")
    public User changeUser(
            @PathParam("userName") String userName,
            @NotNull(message = "is missing") @Valid UserChange body,
            @Context HttpServerRequest request)
            throws IOException {
        List<String> what = new ArrayList<>();
        if (body.role() != null) {
            what.add("role " + body.role());
        }
        if (body.password() != null) {
            what.add("another password");
        }
        if (body.disabled() != null) {
            what.add(body.disabled() ? "disabled" : "enabled");
        }
        if (what.isEmpty()) {
            throw ApplianceException.usage("there is nothing to change; give role, password or disabled");
        }
        User user = users.change(userName, body.role(), body.password(), body.disabled());
        note(request, "changed the user " + user.userName() + ": " + String.join(", ", what));
        return user;
    }

    @DELETE
    @Path("/{userName}")
    public void removeUser(@PathParam("userName") String userName, @Context HttpServerRequest request)
            throws IOException {
        users.delete(userName);
        note(request, "removed the user " + userName);
    }

    private void note(HttpServerRequest request, String what) {
        Audit.note(Caller.of(identity).getName(), SessionAnswer.address(request), what);
    }
}
