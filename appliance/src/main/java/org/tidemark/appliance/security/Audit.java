package org.tidemark.appliance.security;

import org.jboss.logging.Logger;

/** Says in the log who did what to users, sessions and tokens, and from where. Never a secret. */
public final class Audit {
    private static final Logger LOG = Logger.getLogger("org.tidemark.audit");
    private static final int MAX_WORDS = 80;

    private Audit() {}

    /** One line: {@code who} did {@code what}. */
    public static void note(String who, String address, String what) {
        LOG.infof("%s from %s: %s", plain(who), plain(address), what);
    }

    /** What strangers sent, made fit for one line of a log. */
    public static String plain(String words) {
        String cut = words.length() > MAX_WORDS ? words.substring(0, MAX_WORDS) + "..." : words;
        return cut.replaceAll("[^\\x20-\\x7e]", "?");
    }
}
