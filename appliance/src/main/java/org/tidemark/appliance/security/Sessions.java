package org.tidemark.appliance.security;

import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.jdbi.v3.core.Jdbi;

/** Who is signed in. A session ends when it was idle for long, when it is old, and when its user's password changes. */
public final class Sessions {
    static final Duration IDLE = Duration.ofHours(12);
    static final Duration LIFE = Duration.ofDays(7);
    /** Sessions of one user at a time; the oldest one goes. */
    static final int MAX_PER_USER = 20;

    private static final Duration NOTE_USE_EVERY = Duration.ofMinutes(1);

    private final Jdbi jdbi;
    private final InstantSource clock;
    private final SecureRandom random;

    public Sessions(Jdbi jdbi, InstantSource clock, SecureRandom random) {
        this.jdbi = jdbi;
        this.clock = clock;
        this.random = random;
    }

    /** A session just begun; the secret is for the cookie and is kept nowhere. */
    public record Begun(String secret, Instant expiresAt) {}

    /** A session that is good now. */
    record Valid(String hash, String userName, Role role) {}

    Begun begin(String userName) {
        String secret = RandomSecret.fresh(random, "");
        Instant now = clock.instant().truncatedTo(ChronoUnit.MILLIS);
        Instant end = now.plus(LIFE);
        jdbi.useTransaction(handle -> {
            handle.createUpdate("DELETE FROM sessions WHERE expires_ms < :now OR used_ms < :idle")
                    .bind("now", now.toEpochMilli())
                    .bind("idle", now.minus(IDLE).toEpochMilli())
                    .execute();
            handle.createUpdate(
                            "DELETE FROM sessions WHERE user_name = :user AND hash NOT IN (SELECT hash FROM sessions"
                                    + " WHERE user_name = :user ORDER BY created_ms DESC FETCH FIRST :keep ROWS ONLY)")
                    .bind("user", userName)
                    .bind("keep", MAX_PER_USER - 1)
                    .execute();
            handle.createUpdate("INSERT INTO sessions (hash, user_name, created_ms, used_ms, expires_ms)"
                            + " VALUES (:hash, :user, :now, :now, :end)")
                    .bind("hash", RandomSecret.hash(secret))
                    .bind("user", userName)
                    .bind("now", now.toEpochMilli())
                    .bind("end", end.toEpochMilli())
                    .execute();
        });
        return new Begun(secret, end);
    }

    /** Empty when there is none, it is over, or its user is disabled. Notes the use. */
    Optional<Valid> find(String secret) {
        String hash = RandomSecret.hash(secret);
        long now = clock.millis();
        return jdbi.withHandle(handle -> {
            Optional<Row> row = handle.createQuery("SELECT s.hash, s.user_name, s.used_ms, u.role FROM sessions s"
                            + " JOIN users u ON u.name = s.user_name WHERE s.hash = :hash AND NOT u.disabled"
                            + " AND s.expires_ms > :now AND s.used_ms > :idle")
                    .bind("hash", hash)
                    .bind("now", now)
                    .bind("idle", now - IDLE.toMillis())
                    .map((columns, context) -> new Row(
                            columns.getString("hash"),
                            columns.getLong("used_ms"),
                            new Valid(hash, columns.getString("user_name"), Role.ofWord(columns.getString("role")))))
                    .findOne();
            if (row.isEmpty() || !RandomSecret.same(hash, row.get().hash())) {
                return Optional.<Valid>empty();
            }
            if (now - row.get().usedMillis() >= NOTE_USE_EVERY.toMillis()) {
                handle.createUpdate("UPDATE sessions SET used_ms = :now WHERE hash = :hash")
                        .bind("now", now)
                        .bind("hash", hash)
                        .execute();
            }
            return Optional.of(row.get().valid());
        });
    }

    /** Whether the session of this hash is good still; notes no use. */
    boolean stillGood(String hash) {
        long now = clock.millis();
        return jdbi.withHandle(handle -> handle.createQuery("SELECT COUNT(*) FROM sessions s"
                                + " JOIN users u ON u.name = s.user_name WHERE s.hash = :hash AND NOT u.disabled"
                                + " AND s.expires_ms > :now AND s.used_ms > :idle")
                        .bind("hash", hash)
                        .bind("now", now)
                        .bind("idle", now - IDLE.toMillis())
                        .mapTo(Long.class)
                        .one())
                == 1;
    }

    private record Row(String hash, long usedMillis, Valid valid) {}

    /** When a session ends at the latest. */
    public Optional<Instant> end(Caller caller) {
        return jdbi.withHandle(handle -> handle.createQuery("SELECT expires_ms FROM sessions WHERE hash = :hash")
                .bind("hash", caller.secretHash())
                .mapTo(Long.class)
                .findOne()
                .map(Instant::ofEpochMilli));
    }

    void end(String hash) {
        jdbi.useHandle(handle -> handle.createUpdate("DELETE FROM sessions WHERE hash = :hash")
                .bind("hash", hash)
                .execute());
    }

    void endAllOf(String userName) {
        jdbi.useHandle(handle -> handle.createUpdate("DELETE FROM sessions WHERE user_name = :user")
                .bind("user", userName)
                .execute());
    }
}
