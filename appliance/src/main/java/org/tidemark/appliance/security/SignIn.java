package org.tidemark.appliance.security;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.Optional;
import org.tidemark.appliance.failure.ApplianceException;

/** Signs users in and out; slows down whoever guesses, per user and per address. */
public final class SignIn {
    private static final int FREE_PER_USER = 5;
    private static final int FREE_PER_ADDRESS = 20;
    private static final int MAX_KEYS = 10_000;
    private static final int MAX_NAME = 64;
    private static final Duration LONGEST_WAIT = Duration.ofMinutes(5);
    private static final Duration FORGOTTEN = Duration.ofMinutes(30);
    private static final int NETWORK_BYTES = 8;

    private final Users users;
    private final Sessions sessions;
    private final AttemptLimit byUser;
    private final AttemptLimit byAddress;

    public SignIn(Users users, Sessions sessions, InstantSource clock) {
        this.users = users;
        this.sessions = sessions;
        this.byUser = new AttemptLimit(clock, FREE_PER_USER, LONGEST_WAIT, FORGOTTEN, MAX_KEYS);
        this.byAddress = new AttemptLimit(clock, FREE_PER_ADDRESS, LONGEST_WAIT, FORGOTTEN, MAX_KEYS);
    }

    /** A user who is signed in. */
    public record SignedIn(User user, Sessions.Begun session) {}

    public SignedIn withPassword(String userName, String password, String address)
            throws ApplianceException, TooManyAttempts {
        String network = network(address);
        User user = demandPassword(userName, password, address);
        if (user.disabled()) {
            Audit.note(userName, address, "refused: the user is disabled");
            throw Refusal.of("this user is disabled; ask an administrator");
        }
        byUser.succeeded(key(userName));
        byAddress.undone(network);
        Sessions.Begun session = sessions.begin(userName);
        users.signedIn(userName);
        Audit.note(userName, address, "signed in");
        return new SignedIn(user, session);
    }

    /** Begins a session for somebody who just proved more than a password. */
    SignedIn withoutPassword(User user, String address) {
        Audit.note(user.userName(), address, "signed in");
        users.signedIn(user.userName());
        return new SignedIn(user, sessions.begin(user.userName()));
    }

    /** Changes the caller's own password; ends all sessions and begins one. */
    public SignedIn changePassword(Caller caller, String oldPassword, String newPassword, String address)
            throws ApplianceException, TooManyAttempts {
        demandPassword(caller.name(), oldPassword, address);
        User user = users.change(caller.name(), null, newPassword, null);
        byUser.succeeded(caller.name());
        byAddress.undone(network(address));
        Audit.note(caller.getName(), address, "changed the own password");
        return withoutPassword(user, address);
    }

    public void out(Caller caller, String address) {
        sessions.end(caller.secretHash());
        Audit.note(caller.getName(), address, "signed out");
    }

    private User demandPassword(String userName, String password, String address)
            throws ApplianceException, TooManyAttempts {
        String network = network(address);
        String key = key(userName);
        Duration wait = byAddress.begin(network);
        if (wait.isZero()) {
            wait = byUser.begin(key);
            if (!wait.isZero()) {
                byAddress.undone(network);
            }
        }
        if (!wait.isZero()) {
            TooManyAttempts tooMany = new TooManyAttempts(wait);
            Audit.note(userName, address, "refused: " + tooMany.getMessage());
            throw tooMany;
        }
        Optional<User> user;
        try {
            user = users.authenticate(userName, password);
        } catch (ApplianceException e) {
            // Nothing was compared.
            byUser.undone(key);
            byAddress.undone(network);
            throw e;
        }
        if (user.isEmpty()) {
            Audit.note(userName, address, "failed to sign in");
            throw Refusal.of("user name or password is wrong");
        }
        return user.get();
    }

    /** No user has a longer name; what strangers send must not fill the memory. */
    private static String key(String userName) {
        return userName.length() > MAX_NAME ? "" : userName;
    }

    /** Whoever has one IPv6 address has 2^64 of them: those count as one. */
    static String network(String address) {
        if (address.indexOf(':') < 0) {
            return address;
        }
        try {
            if (InetAddress.getByName(address) instanceof Inet6Address six) {
                return HexFormat.of().formatHex(six.getAddress(), 0, NETWORK_BYTES);
            }
        } catch (UnknownHostException e) {
            // Then the words themselves are the key.
        }
        return address;
    }
}
