package org.tidemark.appliance.security;

import java.security.SecureRandom;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jdbi.v3.core.Jdbi;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;

/** The tokens of the catalogue. */
public final class Tokens {
    /** What tokens begin with, so that a search for leaked secrets finds them. */
    public static final String PREFIX = "tdm_";

    static final int MAX_TOKENS = 1000;
    /** Tokens that ended are listed for so long. */
    static final Duration KEPT = Duration.ofDays(90);

    private static final int ID_BYTES = 8;
    private static final Duration NOTE_USE_EVERY = Duration.ofMinutes(1);
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._@ -]{0,63}");

    private final Jdbi jdbi;
    private final InstantSource clock;
    private final SecureRandom random;

    public Tokens(Jdbi jdbi, InstantSource clock, SecureRandom random) {
        this.jdbi = jdbi;
        this.clock = clock;
        this.random = random;
    }

    /** A token just made; the secret is told once. */
    public record Made(Token token, String secret) {}

    public Made create(String name, Set<Scope> scopes, @Nullable Duration life, String createdBy)
            throws ApplianceException {
        if (!NAME.matcher(name).matches()) {
            throw ApplianceException.usage("'name' takes 1 to 64 letters, digits, blanks and . _ @ -, and begins with"
                    + " a letter, a digit or _");
        }
        if (scopes.isEmpty()) {
            throw ApplianceException.usage("'scopes' must name at least one of read, backup, restore, admin");
        }
        Instant now = clock.instant();
        forgetOld(now);
        if (count() >= MAX_TOKENS) {
            throw ApplianceException.conflict("there are " + MAX_TOKENS + " tokens; revoke those nobody uses. Revoked"
                    + " ones are forgotten after " + KEPT.toDays() + " days");
        }
        String secret = RandomSecret.fresh(random, PREFIX);
        byte[] id = new byte[ID_BYTES];
        random.nextBytes(id);
        String idWord = HexFormat.of().formatHex(id);
        jdbi.useHandle(
                handle -> handle.createUpdate("INSERT INTO tokens (id, name, hash, scopes, created_ms, created_by,"
                                + " expires_ms) VALUES (:id, :name, :hash, :scopes, :now, :by, :end)")
                        .bind("id", idWord)
                        .bind("name", name)
                        .bind("hash", RandomSecret.hash(secret))
                        .bind("scopes", Scope.line(scopes))
                        .bind("now", now.toEpochMilli())
                        .bind("by", createdBy)
                        .bind("end", life == null ? null : now.plus(life).toEpochMilli())
                        .execute());
        return new Made(demand(idWord), secret);
    }

    private long count() {
        return jdbi.withHandle(handle -> handle.createQuery("SELECT COUNT(*) FROM tokens")
                .mapTo(Long.class)
                .one());
    }

    private void forgetOld(Instant now) {
        jdbi.useHandle(handle -> handle.createUpdate("DELETE FROM tokens WHERE revoked_ms < :old OR expires_ms < :old")
                .bind("old", now.minus(KEPT).toEpochMilli())
                .execute());
    }

    /** In the order of their ids, from the one after {@code after}. */
    public List<Token> list(String after, int limit) {
        return jdbi.withHandle(handle -> handle.createQuery(
                        "SELECT * FROM tokens WHERE id > :after ORDER BY id FETCH FIRST :limit ROWS ONLY")
                .bind("after", after)
                .bind("limit", limit)
                .map((row, context) -> token(row))
                .list());
    }

    private Token demand(String id) throws ApplianceException {
        return jdbi.withHandle(handle -> handle.createQuery("SELECT * FROM tokens WHERE id = :id")
                        .bind("id", id)
                        .map((row, context) -> token(row))
                        .findOne())
                .orElseThrow(() -> ApplianceException.notFound("there is no token of that id; see GET /api/v1/tokens"));
    }

    /** Revokes it; doing so again changes nothing. */
    public Token revoke(String id) throws ApplianceException {
        jdbi.useHandle(handle -> handle.createUpdate(
                        "UPDATE tokens SET revoked_ms = :now WHERE id = :id AND revoked_ms IS NULL")
                .bind("now", clock.millis())
                .bind("id", id)
                .execute());
        return demand(id);
    }

    /** Whoever shows this secret; the failure says why it is worth nothing. */
    Caller authenticate(String secret) throws ApplianceException {
        String hash = RandomSecret.hash(secret);
        Optional<Known> known = jdbi.withHandle(handle -> handle.createQuery("SELECT * FROM tokens WHERE hash = :hash")
                .bind("hash", hash)
                .map((row, context) -> new Known(row.getString("hash"), token(row)))
                .findOne());
        if (known.isEmpty() || !RandomSecret.same(hash, known.get().hash())) {
            throw Refusal.of("this token is not known here; make one with 'tidemark token add'");
        }
        Token token = known.get().token();
        if (token.revokedAt() != null) {
            throw Refusal.of("this token was revoked; ask an administrator for another one");
        }
        long now = clock.millis();
        Instant end = token.expiresAt();
        if (end != null && end.toEpochMilli() <= now) {
            throw Refusal.of("this token ended at " + end + "; ask an administrator for another one");
        }
        Instant used = token.lastUsedAt();
        if (used == null || now - used.toEpochMilli() >= NOTE_USE_EVERY.toMillis()) {
            jdbi.useHandle(handle -> handle.createUpdate("UPDATE tokens SET used_ms = :now WHERE id = :id")
                    .bind("now", now)
                    .bind("id", token.id())
                    .execute());
        }
        return new Caller(Caller.Kind.TOKEN, token.name(), Scope.withImplied(token.scopes()), hash);
    }

    /** Whether the token of this hash is good still; notes no use. */
    boolean stillGood(String hash) {
        return jdbi.withHandle(handle -> handle.createQuery("SELECT COUNT(*) FROM tokens WHERE hash = :hash"
                                + " AND revoked_ms IS NULL AND (expires_ms IS NULL OR expires_ms > :now)")
                        .bind("hash", hash)
                        .bind("now", clock.millis())
                        .mapTo(Long.class)
                        .one())
                == 1;
    }

    private record Known(String hash, Token token) {}

    private static Token token(ResultSet row) throws SQLException {
        return new Token(
                row.getString("id"),
                row.getString("name"),
                Scope.ofLine(row.getString("scopes")),
                Instant.ofEpochMilli(row.getLong("created_ms")),
                row.getString("created_by"),
                instant(row, "expires_ms"),
                instant(row, "used_ms"),
                instant(row, "revoked_ms"));
    }

    private static @Nullable Instant instant(ResultSet row, String column) throws SQLException {
        long millis = row.getLong(column);
        return row.wasNull() ? null : Instant.ofEpochMilli(millis);
    }
}
