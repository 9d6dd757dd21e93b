package org.tidemark.appliance.rest.v1;

import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.core.http.HttpServerRequest;
import jakarta.annotation.security.RolesAllowed;
import jakarta.inject.Singleton;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotEmpty;
import jakarta.validation.constraints.NotNull;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.Response;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.TreeSet;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.security.Audit;
import org.tidemark.appliance.security.Caller;
import org.tidemark.appliance.security.Scope;
import org.tidemark.appliance.security.Token;
import org.tidemark.appliance.security.Tokens;

/** Keys for programs. */
@Path("/api/v1/tokens")
@Singleton
@RolesAllowed(Scope.MAY_ADMINISTER)
@Tag(name = "Tokens")
public class TokensResource {
    private final Tokens tokens;
    private final SecurityIdentity identity;

    public TokensResource(Tokens tokens, SecurityIdentity identity) {
        this.tokens = tokens;
        this.identity = identity;
    }

    /** A token to make; without {@code expiresInDays} it lasts until it is revoked. */
    public record NewToken(
            @NotBlank String name,
            @NotEmpty Set<@NotNull Scope> scopes,
            @Nullable @Min(1) @Max(3650) Integer expiresInDays) {}

    /** A token just made; the secret is told this once. */
    public record MadeToken(
            String id,
            String name,
            Set<Scope> scopes,
            Instant createdAt,
            @Nullable Instant expiresAt,
            String secret) {}

    @GET
    public Page<Token> listTokens(
            @QueryParam("limit") @DefaultValue("100") @Min(1) @Max(500) int limit,
            @QueryParam("after") @DefaultValue("") String after) {
        return Page.of(tokens.list(after, limit + 1), limit, Token::id);
    }

    @POST
    public Response addToken(@NotNull(message = "is missing") @Valid NewToken body, @Context HttpServerRequest request)
            throws IOException {
        Caller caller = Caller.of(identity);
        Duration life = body.expiresInDays() == null ? null : Duration.ofDays(body.expiresInDays());
        Tokens.Made made = tokens.create(body.name(), body.scopes(), life, caller.getName());
        Token token = made.token();
        Audit.note(
                caller.getName(),
                SessionAnswer.address(request),
                "made the token " + token.id() + " '" + token.name() + "' for " + new TreeSet<>(token.scopes()));
        return Response.status(Response.Status.CREATED)
                .entity(new MadeToken(
                        token.id(), token.name(), token.scopes(), token.createdAt(), token.expiresAt(), made.secret()))
                .build();
    }

    @DELETE
    @Path("/{id}")
    public void revokeToken(@PathParam("id") String id, @Context HttpServerRequest request) throws IOException {
        Token token = tokens.revoke(id);
        Audit.note(
                Caller.of(identity).getName(),
                SessionAnswer.address(request),
                "revoked the token " + token.id() + " '" + token.name() + "'");
    }
}
