package org.tidemark.appliance.security;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Collection;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/** What a caller may do. {@link #ADMIN} holds all others. */
public enum Scope {
    @JsonProperty("read")
    READ,
    @JsonProperty("backup")
    BACKUP,
    @JsonProperty("restore")
    RESTORE,
    @JsonProperty("admin")
    ADMIN;

    /** For {@code @RolesAllowed}: look at everything that is no secret. */
    public static final String MAY_READ = "read";
    /** For {@code @RolesAllowed}: start and cancel backups and verifications. */
    public static final String MAY_BACKUP = "backup";
    /** For {@code @RolesAllowed}: start and cancel restores. */
    public static final String MAY_RESTORE = "restore";
    /** For {@code @RolesAllowed}: everything else. */
    public static final String MAY_ADMINISTER = "admin";

    /** The word of the interface, such as {@code read}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    @Override
    public String toString() {
        return word();
    }

    /** These and what they hold. */
    static Set<Scope> withImplied(Collection<Scope> scopes) {
        if (scopes.contains(ADMIN)) {
            return EnumSet.allOf(Scope.class);
        }
        return scopes.isEmpty() ? EnumSet.noneOf(Scope.class) : EnumSet.copyOf(scopes);
    }

    /** As one line for a column. */
    static String line(Collection<Scope> scopes) {
        Set<String> words = new TreeSet<>();
        scopes.forEach(scope -> words.add(scope.word()));
        return String.join(" ", words);
    }

    static Set<Scope> ofLine(String line) {
        Set<Scope> scopes = EnumSet.noneOf(Scope.class);
        for (String word : line.split(" ", -1)) {
            if (!word.isEmpty()) {
                scopes.add(valueOf(word.toUpperCase(Locale.ROOT)));
            }
        }
        return scopes;
    }
}
