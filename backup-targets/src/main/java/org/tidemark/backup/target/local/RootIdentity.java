package org.tidemark.backup.target.local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.target.TargetMarker;

/** The marker file of a root: tells that the folder is a target, and which. */
final class RootIdentity {
    static final String MARKER = TargetMarker.NAME;

    private final Path root;
    private final String id;
    private volatile Face face;

    /**
     * What tells the marker from another one without reading it. A file system that is mounted in place of another may have its device
     * number, and the marker the same inode number in both; not the same time.
     */
    private record Face(@Nullable Object fileKey, FileTime modified) {}

    private RootIdentity(Path root, String id, Face face) {
        this.root = root;
        this.id = id;
        this.face = face;
    }

    static RootIdentity read(Path root) throws TargetException {
        return new RootIdentity(root, readId(root), readFace(root));
    }

    String id() {
        return id;
    }

    /** Fails when the root is not the one that was opened. Costs one stat in the usual case. */
    void check() throws TargetException {
        Face now = readFace(root);
        if (now.fileKey() != null && now.equals(face)) {
            return;
        }
        String found = readId(root);
        if (!found.equals(id)) {
            throw TargetMarker.another(root.toString(), found, id);
        }
        face = now;
    }

    private static Face readFace(Path root) throws TargetException {
        try {
            BasicFileAttributes marker = Files.readAttributes(root.resolve(MARKER), BasicFileAttributes.class);
            return new Face(marker.fileKey(), marker.lastModifiedTime());
        } catch (IOException e) {
            throw vanished(root, e);
        }
    }

    private static String readId(Path root) throws TargetException {
        byte[] bytes;
        try (var in = Files.newInputStream(root.resolve(MARKER))) {
            bytes = in.readNBytes(TargetMarker.MAX_BYTES + 1);
        } catch (IOException e) {
            throw vanished(root, e);
        }
        return TargetMarker.idIn(bytes, root.toString());
    }

    /** Whatever keeps the marker from being read says nothing about what the target holds. */
    private static TargetException vanished(Path root, IOException cause) {
        TargetException known = FileErrors.of("find target " + root, cause);
        return switch (known.kind()) {
            case DENIED, UNREACHABLE -> known;
            case NOT_FOUND -> {
                String what = Files.isDirectory(root) ? "has no marker " + MARKER : "is not there";
                yield new TargetException(
                        Kind.UNREACHABLE,
                        "no Tidemark target at " + root + ": the folder " + what
                                + ". If it is a mount point, mount it; a new target has to be created first",
                        cause);
            }
            case RETRYABLE, CONFLICT, FULL, CORRUPT ->
                new TargetException(Kind.UNREACHABLE, String.valueOf(known.getMessage()), cause);
        };
    }
}
