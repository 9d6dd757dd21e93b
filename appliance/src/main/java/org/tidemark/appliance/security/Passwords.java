package org.tidemark.appliance.security;

import java.security.SecureRandom;
import java.util.Locale;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;

/**
 * Makes and checks password hashes, few at a time: each takes 64 MiB, and whoever sends many log-ins at once must wait, or be sent
 * away, instead of taking the memory of the backups.
 */
public final class Passwords {
    static final int MIN_LENGTH = 12;
    static final int MAX_LENGTH = 256;
    private static final int AT_ONCE = 2;
    private static final int MAX_WAITING = 16;
    private static final long MAX_WAIT_SECONDS = 10;

    private final SecureRandom random;
    private final PasswordHash.Cost cost;
    private final Semaphore running = new Semaphore(AT_ONCE, true);
    /** Checked in place of the hash of a user who does not exist, so that the time does not tell. */
    private final String nobody;

    public Passwords(SecureRandom random) {
        this(random, PasswordHash.USUAL);
    }

    Passwords(SecureRandom random, PasswordHash.Cost cost) {
        this.random = random;
        this.cost = cost;
        this.nobody = PasswordHash.of(RandomSecret.fresh(random, ""), cost, random);
    }

    String hash(String password) throws ApplianceException {
        return oneOfFew(() -> PasswordHash.of(password, cost, random));
    }

    /** Takes as long for a user who does not exist ({@code null}) as for one who does. */
    boolean matches(String password, @Nullable String hash) throws ApplianceException {
        if (password.length() > MAX_LENGTH) {
            return false;
        }
        boolean right = oneOfFew(() -> PasswordHash.matches(password, hash == null ? nobody : hash));
        return right && hash != null;
    }

    /** Refuses passwords that are guessed first. */
    static void demandGood(String password, String userName) throws ApplianceException {
        if (password.length() < MIN_LENGTH || password.length() > MAX_LENGTH) {
            throw ApplianceException.usage(
                    "'password' must have " + MIN_LENGTH + " to " + MAX_LENGTH + " characters; take a few words");
        }
        String lower = password.toLowerCase(Locale.ROOT);
        if (lower.contains(userName.toLowerCase(Locale.ROOT)) && lower.length() < userName.length() + MIN_LENGTH) {
            throw ApplianceException.usage("'password' must not be made of the user name; take a few words");
        }
        if (password.chars().distinct().count() < 5) {
            throw ApplianceException.usage("'password' repeats the same few characters; take a few words");
        }
    }

    /** Work that takes much memory. */
    private interface Work<T> {
        T run();
    }

    private <T> T oneOfFew(Work<T> work) throws ApplianceException {
        if (running.getQueueLength() >= MAX_WAITING) {
            throw busy();
        }
        try {
            if (!running.tryAcquire(MAX_WAIT_SECONDS, TimeUnit.SECONDS)) {
                throw busy();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw busy();
        }
        try {
            return work.run();
        } finally {
            running.release();
        }
    }

    private static ApplianceException busy() {
        return new ApplianceException(FailureKind.UNAVAILABLE, "too many sign in at once; try again in half a minute");
    }
}
