package org.tidemark.backup.target.local;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;

/** The marker file of a root: tells that the folder is a target, and which. */
final class RootIdentity {
    static final String MARKER = ".tidemark-target";
    static final int MAX_MARKER_BYTES = 256;
    private static final Pattern CONTENT = Pattern.compile("tidemark-target 1 ([0-9a-f]{32})\n");

    private final Path root;
    private final String id;
    private volatile @Nullable Object fileKey;

    private RootIdentity(Path root, String id, @Nullable Object fileKey) {
        this.root = root;
        this.id = id;
        this.fileKey = fileKey;
    }

    static byte[] content(String id) {
        return ("tidemark-target 1 " + id + "\n").getBytes(StandardCharsets.UTF_8);
    }

    static RootIdentity read(Path root) throws TargetException {
        return new RootIdentity(root, readId(root), readFileKey(root));
    }

    String id() {
        return id;
    }

    /** Fails when the root is not the one that was opened. Costs one stat in the usual case. */
    void check() throws TargetException {
        Object now = readFileKey(root);
        if (now != null && now.equals(fileKey)) {
            return;
        }
        String found = readId(root);
        if (!found.equals(id)) {
            throw new TargetException(
                    Kind.UNREACHABLE,
                    "target " + root + " is another one than was opened (" + found + " instead of " + id
                            + "); mount the right file system there");
        }
        fileKey = now;
    }

    private static @Nullable Object readFileKey(Path root) throws TargetException {
        try {
            return Files.readAttributes(root.resolve(MARKER), BasicFileAttributes.class)
                    .fileKey();
        } catch (IOException e) {
            throw vanished(root, e);
        }
    }

    private static String readId(Path root) throws TargetException {
        byte[] bytes;
        try (var in = Files.newInputStream(root.resolve(MARKER))) {
            bytes = in.readNBytes(MAX_MARKER_BYTES + 1);
        } catch (IOException e) {
            throw vanished(root, e);
        }
        Matcher matcher = CONTENT.matcher(new String(bytes, StandardCharsets.ISO_8859_1));
        if (!matcher.matches()) {
            throw new TargetException(
                    Kind.CORRUPT,
                    "target " + root + ": its marker " + MARKER + " is damaged ("
                            + Math.min(bytes.length, MAX_MARKER_BYTES) + " bytes, begins with "
                            + Arrays.toString(Arrays.copyOf(bytes, Math.min(8, bytes.length))) + ")");
        }
        return matcher.group(1);
    }

    private static TargetException vanished(Path root, IOException cause) {
        String what = Files.isDirectory(root) ? "has no marker " + MARKER : "is not there";
        return new TargetException(
                Kind.UNREACHABLE,
                "no Tidemark target at " + root + ": the folder " + what
                        + ". If it is a mount point, mount it; a new target has to be created first",
                cause);
    }
}
