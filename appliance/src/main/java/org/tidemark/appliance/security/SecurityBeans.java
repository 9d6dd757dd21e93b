package org.tidemark.appliance.security;

import io.quarkus.runtime.ShutdownEvent;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.security.SecureRandom;
import java.time.InstantSource;
import org.jdbi.v3.core.Jdbi;
import org.tidemark.appliance.config.ApplianceConfig;

/** Puts the package together; clock and randomness come from here only. */
public final class SecurityBeans {
    private final SecureRandom random = new SecureRandom();
    private final InstantSource clock = InstantSource.system();

    @Produces
    @Singleton
    Passwords passwords() {
        return new Passwords(random);
    }

    @Produces
    @Singleton
    Sessions sessions(Jdbi jdbi) {
        return new Sessions(jdbi, clock, random);
    }

    @Produces
    @Singleton
    Users users(Jdbi jdbi, Passwords passwords, Sessions sessions) {
        return new Users(jdbi, clock, passwords, sessions);
    }

    @Produces
    @Singleton
    Tokens tokens(Jdbi jdbi) {
        return new Tokens(jdbi, clock, random);
    }

    @Produces
    @Singleton
    SignIn signIn(Users users, Sessions sessions) {
        return new SignIn(users, sessions, clock);
    }

    @Produces
    @Singleton
    FirstStart firstStart(Users users, SignIn signIn, ApplianceConfig config) {
        return new FirstStart(users, signIn, config.state(), clock, random);
    }

    @Produces
    @Singleton
    LocalAccess localAccess(ApplianceConfig config) {
        return new LocalAccess(config.state(), random);
    }

    @Produces
    @Singleton
    SecretBox secretBox(ApplianceConfig config) throws IOException {
        return SecretBox.of(config.state(), random);
    }

    void ended(@Observes ShutdownEvent event, LocalAccess access) throws IOException {
        access.withdraw();
    }
}
