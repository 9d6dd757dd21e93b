package org.tidemark.appliance.security;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import org.tidemark.appliance.config.PrivateFile;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/** While there is no user, a link with a one-time code makes the first administrator. Only root of this host sees the link. */
public final class FirstStart {
    private static final int FREE_ATTEMPTS = 10;
    private static final int MAX_KEYS = 1000;

    private final Users users;
    private final SignIn signIn;
    private final SetupCode code;
    private final Path linkFile;
    private final AttemptLimit byAddress;

    public FirstStart(Users users, SignIn signIn, Path stateFolder, InstantSource clock, SecureRandom random) {
        this.users = users;
        this.signIn = signIn;
        this.code = new SetupCode(random, clock);
        this.linkFile = stateFolder.resolve("setup-link");
        this.byAddress =
                new AttemptLimit(clock, FREE_ATTEMPTS, Duration.ofMinutes(1), Duration.ofMinutes(30), MAX_KEYS);
    }

    public boolean isNeeded() {
        return users.isEmpty();
    }

    /** The link, also in the state folder; empty when there is a user. */
    public Optional<String> begin(String publicUrl) throws IOException {
        if (!isNeeded()) {
            Files.deleteIfExists(linkFile);
            return Optional.empty();
        }
        String link = publicUrl + "/setup?code=" + code.fresh();
        PrivateFile.write(linkFile, link + "\n");
        return Optional.of(link);
    }

    /** Makes the first administrator and signs them in. One at a time, so that the code works once. */
    public synchronized SignIn.SignedIn finish(String given, String userName, String password, String address)
            throws IOException, TooManyAttempts {
        if (!isNeeded()) {
            throw ApplianceException.conflict("this appliance is set up already; sign in instead");
        }
        String network = SignIn.network(address);
        Duration wait = byAddress.begin(network);
        if (!wait.isZero()) {
            throw new TooManyAttempts(wait);
        }
        switch (code.check(given)) {
            case RIGHT -> byAddress.succeeded(network);
            case WRONG -> {
                Audit.note(userName, address, "gave a wrong set-up code");
                throw new ApplianceException(
                        FailureKind.NOT_PERMITTED,
                        "this set-up code is wrong; the right link is in " + linkFile + " on the appliance's host");
            }
            case TOO_OLD ->
                throw new ApplianceException(
                        FailureKind.NOT_PERMITTED,
                        "this set-up code is older than " + SetupCode.LIFE.toHours()
                                + " hours; restart the appliance for another one");
        }
        User user = users.create(userName, password, Role.ADMIN);
        code.used();
        Files.deleteIfExists(linkFile);
        Audit.note(userName, address, "set the appliance up");
        return signIn.withoutPassword(user, address);
    }
}
