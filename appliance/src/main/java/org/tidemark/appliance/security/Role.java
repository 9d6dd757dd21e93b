package org.tidemark.appliance.security;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/** What a user is; the scopes follow from it. */
public enum Role {
    @JsonProperty("viewer")
    VIEWER(EnumSet.of(Scope.READ)),
    @JsonProperty("operator")
    OPERATOR(EnumSet.of(Scope.READ, Scope.BACKUP, Scope.RESTORE)),
    @JsonProperty("admin")
    ADMIN(EnumSet.allOf(Scope.class));

    private final Set<Scope> scopes;

    Role(Set<Scope> scopes) {
        this.scopes = Set.copyOf(scopes);
    }

    public Set<Scope> scopes() {
        return scopes;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    static Role ofWord(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT));
    }
}
