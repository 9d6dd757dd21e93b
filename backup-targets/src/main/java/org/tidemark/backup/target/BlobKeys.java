package org.tidemark.backup.target;

import java.util.regex.Pattern;

/** The rule for keys: segments of letters, digits, '.', '_' and '-', parted by '/'; none begins with '.' or '-'. */
public final class BlobKeys {
    public static final int MAX_LENGTH = 512;
    private static final String SEGMENT = "[A-Za-z0-9_][A-Za-z0-9._-]*";
    private static final Pattern KEY = Pattern.compile(SEGMENT + "(/" + SEGMENT + ")*");
    private static final Pattern PREFIX = Pattern.compile("(" + SEGMENT + "/)*(" + SEGMENT + ")?");

    private BlobKeys() {}

    /** Whether {@code key} follows the rule. */
    public static boolean isKey(String key) {
        return key.length() <= MAX_LENGTH && KEY.matcher(key).matches();
    }

    /** Returns {@code key} when it is one; a key that is not is a defect of the caller. */
    public static String checked(String key) {
        if (!isKey(key)) {
            throw new IllegalArgumentException("not a key: '" + key + "'");
        }
        return key;
    }

    /** Returns {@code prefix} when it is empty or the beginning of a key. */
    public static String checkedPrefix(String prefix) {
        if (prefix.length() > MAX_LENGTH || !PREFIX.matcher(prefix).matches()) {
            throw new IllegalArgumentException("not a prefix of keys: '" + prefix + "'");
        }
        return prefix;
    }
}
