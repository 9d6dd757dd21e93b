package org.tidemark.backup.target;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tidemark.backup.target.TargetException.Kind;

/** The file in the root of a folder that is a target: tells that it is one, and which. */
public final class TargetMarker {
    public static final String NAME = ".tidemark-target";
    public static final int MAX_BYTES = 256;

    private static final Pattern CONTENT = Pattern.compile("tidemark-target 1 ([0-9a-f]{32})\n");

    private TargetMarker() {}

    /** What it holds for a target of this id: 32 hex digits. */
    public static byte[] content(String id) {
        return ("tidemark-target 1 " + id + "\n").getBytes(StandardCharsets.UTF_8);
    }

    /**
     * The id in it.
     *
     * @param root what messages call the folder
     * @throws TargetException CORRUPT when it is none
     */
    public static String idIn(byte[] content, String root) throws TargetException {
        Matcher matcher = CONTENT.matcher(new String(content, StandardCharsets.ISO_8859_1));
        if (!matcher.matches()) {
            throw new TargetException(
                    Kind.CORRUPT,
                    "target " + root + ": its marker " + NAME + " is damaged (" + Math.min(content.length, MAX_BYTES)
                            + " bytes, begins with "
                            + Arrays.toString(Arrays.copyOf(content, Math.min(8, content.length))) + ")");
        }
        return matcher.group(1);
    }

    /** The folder is a target, but another one than was opened. */
    public static TargetException another(String root, String found, String opened) {
        return new TargetException(
                Kind.UNREACHABLE,
                "target " + root + " is another one than was opened (" + found + " instead of " + opened
                        + "); mount the right file system there");
    }
}
