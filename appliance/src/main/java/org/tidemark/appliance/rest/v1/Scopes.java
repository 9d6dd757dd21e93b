package org.tidemark.appliance.rest.v1;

/** What a caller may do; users have them by their role, tokens by what they were made for. */
public final class Scopes {
    public static final String READ = "read";
    public static final String BACKUP = "backup";
    public static final String RESTORE = "restore";
    public static final String ADMIN = "admin";

    private Scopes() {}
}
