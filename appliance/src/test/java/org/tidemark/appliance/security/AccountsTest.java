package org.tidemark.appliance.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Tokens, sessions and users on a database in memory. */
final class AccountsTest {
    private static final String PASSWORD = "correct horse battery";

    private final SettableClock clock = new SettableClock();
    private final SecureRandom random = new SecureRandom();
    private Jdbi jdbi;
    private Handle keepsDatabase;
    private Tokens tokens;
    private Sessions sessions;
    private Users users;

    @BeforeEach
    void open() throws Exception {
        jdbi = Jdbi.create("jdbc:h2:mem:" + RandomSecret.fresh(random, "t").replace('-', '_'));
        keepsDatabase = jdbi.open();
        try (InputStream script = AccountsTest.class.getResourceAsStream("/db/migration/V2__security.sql")) {
            keepsDatabase
                    .createScript(new String(script.readAllBytes(), StandardCharsets.UTF_8))
                    .execute();
        }
        tokens = new Tokens(jdbi, clock, random);
        sessions = new Sessions(jdbi, clock, random);
        users = new Users(jdbi, clock, new Passwords(random, new PasswordHash.Cost(64, 1, 1)), sessions);
    }

    @AfterEach
    void close() {
        keepsDatabase.close();
    }

    @Test
    void aTokenIsGoodUntilItEnds() throws Exception {
        var made = tokens.create("ci", Set.of(Scope.READ, Scope.BACKUP), Duration.ofDays(1), "anna");
        Caller caller = tokens.authenticate(made.secret());
        assertThat(caller.scopes()).containsExactlyInAnyOrder(Scope.READ, Scope.BACKUP);
        assertThat(caller.getName()).isEqualTo("token ci");
        clock.advance(Duration.ofDays(1));
        assertThatThrownBy(() -> tokens.authenticate(made.secret())).hasMessageContaining("ended at");
    }

    @Test
    void aRevokedTokenIsWorthNothing() throws Exception {
        var made = tokens.create("ci", Set.of(Scope.ADMIN), null, "anna");
        assertThat(tokens.authenticate(made.secret()).scopes()).isEqualTo(EnumSet.allOf(Scope.class));
        tokens.revoke(made.token().id());
        var when = tokens.list("", 10).get(0).revokedAt();
        assertThatThrownBy(() -> tokens.authenticate(made.secret())).hasMessageContaining("revoked");
        clock.advance(Duration.ofDays(1));
        assertThat(tokens.revoke(made.token().id()).revokedAt()).isEqualTo(when);
    }

    @Test
    void theSecretIsNotKept() throws Exception {
        var made = tokens.create("ci", Set.of(Scope.READ), null, "anna");
        String kept = jdbi.withHandle(handle ->
                handle.createQuery("SELECT * FROM tokens").mapToMap().list().toString());
        assertThat(kept)
                .contains(RandomSecret.hash(made.secret()))
                .doesNotContain(made.secret().substring(Tokens.PREFIX.length()));
        assertThatThrownBy(() -> tokens.authenticate(RandomSecret.hash(made.secret())))
                .hasMessageContaining("not known");
    }

    @Test
    void useIsNotedOnceAMinute() throws Exception {
        var made = tokens.create("ci", Set.of(Scope.READ), null, "anna");
        assertThat(tokens.list("", 10).get(0).lastUsedAt()).isNull();
        tokens.authenticate(made.secret());
        var first = tokens.list("", 10).get(0).lastUsedAt();
        clock.advance(Duration.ofSeconds(59));
        tokens.authenticate(made.secret());
        assertThat(tokens.list("", 10).get(0).lastUsedAt()).isEqualTo(first).isNotNull();
        clock.advance(Duration.ofSeconds(1));
        tokens.authenticate(made.secret());
        assertThat(tokens.list("", 10).get(0).lastUsedAt()).isEqualTo(clock.instant());
    }

    @Test
    void tokensThatEndedAreForgottenLater() throws Exception {
        var made = tokens.create("old", Set.of(Scope.READ), null, "anna");
        tokens.revoke(made.token().id());
        clock.advance(Tokens.KEPT.plusDays(1));
        tokens.create("new", Set.of(Scope.READ), null, "anna");
        assertThat(tokens.list("", 10)).extracting(Token::name).containsExactly("new");
    }

    @Test
    void sessionsEndWhenIdleAndWhenOld() throws Exception {
        users.create("anna", PASSWORD, Role.ADMIN);
        String idle = sessions.begin("anna").secret();
        clock.advance(Sessions.IDLE.minusSeconds(1));
        assertThat(sessions.find(idle)).isPresent();
        clock.advance(Sessions.IDLE);
        assertThat(sessions.find(idle)).isEmpty();
        String busy = sessions.begin("anna").secret();
        int used = 0;
        while (sessions.find(busy).isPresent()) {
            used++;
            clock.advance(Duration.ofHours(6));
        }
        assertThat(Duration.ofHours(6L * used)).isEqualTo(Sessions.LIFE);
    }

    @Test
    void sessionsEndWithThePasswordAndWithTheUser() throws Exception {
        users.create("root", PASSWORD, Role.ADMIN);
        users.create("anna", PASSWORD, Role.OPERATOR);
        String first = sessions.begin("anna").secret();
        users.change("anna", Role.VIEWER, null, null);
        assertThat(sessions.find(first).orElseThrow().role()).isEqualTo(Role.VIEWER);
        users.change("anna", null, "another horse battery", null);
        assertThat(sessions.find(first)).isEmpty();
        String second = sessions.begin("anna").secret();
        users.change("anna", null, null, true);
        users.change("anna", null, null, false);
        assertThat(sessions.find(second)).isEmpty();
        String third = sessions.begin("anna").secret();
        users.delete("anna");
        assertThat(sessions.find(third)).isEmpty();
    }

    @Test
    void oneUserHasABoundedNumberOfSessions() throws Exception {
        users.create("anna", PASSWORD, Role.ADMIN);
        String first = sessions.begin("anna").secret();
        for (int i = 1; i < Sessions.MAX_PER_USER; i++) {
            clock.advance(Duration.ofMillis(1));
            sessions.begin("anna");
        }
        assertThat(sessions.find(first)).isPresent();
        sessions.begin("anna");
        assertThat(sessions.find(first)).isEmpty();
    }

    @Test
    void oneAdministratorStays() throws Exception {
        users.create("anna", PASSWORD, Role.ADMIN);
        users.create("bert", PASSWORD, Role.ADMIN);
        users.change("bert", null, null, true);
        assertThatThrownBy(() -> users.delete("anna")).hasMessageContaining("last administrator");
        assertThatThrownBy(() -> users.change("anna", Role.VIEWER, null, null))
                .hasMessageContaining("last administrator");
        assertThatThrownBy(() -> users.change("anna", null, null, true)).hasMessageContaining("last administrator");
        users.change("bert", null, null, false);
        users.delete("anna");
        assertThat(users.list("", 10)).extracting(User::userName).containsExactly("bert");
    }

    @Test
    void hashesOfAnotherCostAreMadeAgain() throws Exception {
        users.create("anna", PASSWORD, Role.ADMIN);
        String cheap = hash();
        assertThat(users.authenticate("anna", "wrong")).isEmpty();
        assertThat(hash()).isEqualTo(cheap);
        Users later = new Users(jdbi, clock, new Passwords(random), sessions);
        assertThat(later.authenticate("anna", PASSWORD)).isPresent();
        assertThat(hash()).contains("m=65536,t=3,p=1");
        assertThat(later.authenticate("anna", PASSWORD)).isPresent();
    }

    private String hash() {
        return jdbi.withHandle(handle -> handle.createQuery("SELECT password FROM users")
                .mapTo(String.class)
                .one());
    }
}
