package org.tidemark.appliance.security;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jdbi.v3.core.Jdbi;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;

/** The users of the catalogue. What changes them runs one at a time, so that two administrators cannot remove each other. */
public final class Users {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}");
    private static final String COLUMNS = "name, role, disabled, created_ms, signed_in_ms";

    private final Jdbi jdbi;
    private final InstantSource clock;
    private final Passwords passwords;
    private final Sessions sessions;

    public Users(Jdbi jdbi, InstantSource clock, Passwords passwords, Sessions sessions) {
        this.jdbi = jdbi;
        this.clock = clock;
        this.passwords = passwords;
        this.sessions = sessions;
    }

    public boolean isEmpty() {
        return jdbi.withHandle(handle -> handle.createQuery("SELECT COUNT(*) FROM users")
                        .mapTo(Long.class)
                        .one())
                == 0;
    }

    /** In the order of their names, from the one after {@code after}. */
    public List<User> list(String after, int limit) {
        return jdbi.withHandle(handle -> handle.createQuery("SELECT " + COLUMNS
                        + " FROM users WHERE name > :after ORDER BY name FETCH FIRST :limit ROWS ONLY")
                .bind("after", after)
                .bind("limit", limit)
                .map((row, context) -> user(row))
                .list());
    }

    public Optional<User> find(String name) {
        return jdbi.withHandle(handle -> handle.createQuery("SELECT " + COLUMNS + " FROM users WHERE name = :name")
                .bind("name", name)
                .map((row, context) -> user(row))
                .findOne());
    }

    private User demand(String name) throws ApplianceException {
        return find(name)
                .orElseThrow(() -> ApplianceException.notFound("there is no user of that name; see GET /api/v1/users"));
    }

    public synchronized User create(String name, String password, Role role) throws ApplianceException {
        if (!NAME.matcher(name).matches()) {
            throw ApplianceException.usage("'userName' takes 1 to 64 letters, digits and . _ @ -, and begins with"
                    + " a letter, a digit or _");
        }
        if (find(name).isPresent()) {
            throw ApplianceException.conflict("there is a user '" + name + "' already; take another name");
        }
        Passwords.demandGood(password, name);
        String hash = passwords.hash(password);
        jdbi.useHandle(handle -> handle.createUpdate("INSERT INTO users (name, role, password, disabled, created_ms)"
                        + " VALUES (:name, :role, :hash, FALSE, :now)")
                .bind("name", name)
                .bind("role", role.toString())
                .bind("hash", hash)
                .bind("now", clock.millis())
                .execute());
        return demand(name);
    }

    /** Changes what is not null. Another password, and being disabled, ends the user's sessions. */
    public synchronized User change(
            String name, @Nullable Role role, @Nullable String password, @Nullable Boolean disabled)
            throws ApplianceException {
        User user = demand(name);
        boolean stays = (role == null || role == Role.ADMIN) && !Boolean.TRUE.equals(disabled);
        if (!stays) {
            demandAnotherAdmin(user);
        }
        String hash = null;
        if (password != null) {
            Passwords.demandGood(password, name);
            hash = passwords.hash(password);
        }
        String newHash = hash;
        jdbi.useHandle(handle -> handle.createUpdate("UPDATE users SET role = COALESCE(:role, role),"
                        + " password = COALESCE(:hash, password), disabled = COALESCE(:disabled, disabled)"
                        + " WHERE name = :name")
                .bind("role", role == null ? null : role.toString())
                .bind("hash", newHash)
                .bind("disabled", disabled)
                .bind("name", name)
                .execute());
        if (newHash != null || Boolean.TRUE.equals(disabled)) {
            sessions.endAllOf(name);
        }
        return demand(name);
    }

    public synchronized void delete(String name) throws ApplianceException {
        demandAnotherAdmin(demand(name));
        jdbi.useHandle(handle -> handle.createUpdate("DELETE FROM users WHERE name = :name")
                .bind("name", name)
                .execute());
    }

    private void demandAnotherAdmin(User user) throws ApplianceException {
        if (user.role() != Role.ADMIN || user.disabled()) {
            return;
        }
        long others = jdbi.withHandle(handle -> handle.createQuery(
                        "SELECT COUNT(*) FROM users WHERE role = 'admin' AND NOT disabled AND name <> :name")
                .bind("name", user.userName())
                .mapTo(Long.class)
                .one());
        if (others == 0) {
            throw ApplianceException.conflict(
                    "'" + user.userName() + "' is the last administrator who can sign in; make another one first");
        }
    }

    /** The user, when name and password fit. Takes equally long for users who do not exist. */
    Optional<User> authenticate(String name, String password) throws ApplianceException {
        String hash = jdbi.withHandle(handle -> handle.createQuery("SELECT password FROM users WHERE name = :name")
                .bind("name", name)
                .mapTo(String.class)
                .findOne()
                .orElse(null));
        if (!passwords.matches(password, hash) || hash == null) {
            return Optional.empty();
        }
        if (PasswordHash.isOutdated(hash)) {
            setHash(name, hash, passwords.hash(password));
        }
        return find(name);
    }

    /** Only while nobody else changed the password. */
    private void setHash(String name, String before, String hash) {
        jdbi.useHandle(handle -> handle.createUpdate(
                        "UPDATE users SET password = :hash WHERE name = :name AND password = :before")
                .bind("hash", hash)
                .bind("name", name)
                .bind("before", before)
                .execute());
    }

    void signedIn(String name) {
        jdbi.useHandle(handle -> handle.createUpdate("UPDATE users SET signed_in_ms = :now WHERE name = :name")
                .bind("now", clock.millis())
                .bind("name", name)
                .execute());
    }

    private static User user(ResultSet row) throws SQLException {
        long signedIn = row.getLong("signed_in_ms");
        Instant at = row.wasNull() ? null : Instant.ofEpochMilli(signedIn);
        return new User(
                row.getString("name"),
                Role.ofWord(row.getString("role")),
                row.getBoolean("disabled"),
                Instant.ofEpochMilli(row.getLong("created_ms")),
                at);
    }
}
