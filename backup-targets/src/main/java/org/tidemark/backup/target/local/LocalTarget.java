package org.tidemark.backup.target.local;

import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.BlobKeys;
import org.tidemark.backup.target.BlobVisitor;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.FolderWalk;
import org.tidemark.backup.target.TargetCapabilities;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.target.TargetMarker;

/** A folder as a target. See the package page for the steps of a put. Safe for many threads, processes and hosts. */
public final class LocalTarget implements BackupTarget {
    private static final String TEMPORARY = ".tmp";
    private static final PutStep.Watcher UNWATCHED = (step, file) -> {};

    private final Path root;
    private final RootIdentity identity;
    private final RandomGenerator random;
    private final PutStep.Watcher watcher;
    private final FolderWalk walk = new FolderWalk(this::entriesOf);
    /** Folders whose names, up to the root, were synced by this object. */
    private final Set<Path> durableFolders = ConcurrentHashMap.newKeySet();

    private LocalTarget(Path root, RootIdentity identity, RandomGenerator random, PutStep.Watcher watcher) {
        this.root = root;
        this.identity = identity;
        this.random = random;
        this.watcher = watcher;
    }

    /**
     * Makes {@code folder} a target and opens it. The folder is created when missing; one that is a target already is
     * opened; one that holds anything else is refused. Durable on return.
     */
    public static LocalTarget create(Path folder, RandomGenerator random) throws TargetException {
        Path root = folder.toAbsolutePath().normalize();
        try {
            Files.createDirectories(root);
            Path marker = root.resolve(RootIdentity.MARKER);
            if (!Files.exists(marker)) {
                demandEmpty(root);
                Path temporary =
                        Files.createDirectories(root.resolve(TEMPORARY)).resolve(randomHex(random));
                writeDurably(temporary, List.of(ByteBuffer.wrap(TargetMarker.content(randomHex(random)))), UNWATCHED);
                try {
                    Files.createLink(marker, temporary);
                } catch (FileAlreadyExistsException e) {
                    // Somebody else made the same folder a target: theirs counts.
                }
                syncFolder(root);
                Files.deleteIfExists(temporary);
                Path parent = root.getParent();
                if (parent != null) {
                    syncFolder(parent);
                }
            }
        } catch (UnsupportedOperationException e) {
            throw noLinks(root, e);
        } catch (IOException e) {
            throw FileErrors.of("create target " + root, e);
        }
        return open(root, random);
    }

    /** Only an empty folder can become a target. */
    static void demandEmpty(Path root) throws TargetException {
        try (Stream<Path> entries = Files.list(root)) {
            // What a fresh file system brings along, and a half-made target.
            if (entries.anyMatch(entry -> !entry.endsWith("lost+found") && !entry.endsWith(TEMPORARY))) {
                throw new TargetException(
                        Kind.DENIED,
                        "folder " + root + " is not empty and is no Tidemark target; take an empty folder");
            }
        } catch (IOException e) {
            throw e instanceof TargetException known ? known : FileErrors.of("look at folder " + root, e);
        }
    }

    /** Opens a folder that is a target. UNREACHABLE when it is not there or carries no marker. */
    public static LocalTarget open(Path folder, RandomGenerator random) throws TargetException {
        return open(folder, random, UNWATCHED);
    }

    static LocalTarget open(Path folder, RandomGenerator random, PutStep.Watcher watcher) throws TargetException {
        Path root = folder.toAbsolutePath().normalize();
        return new LocalTarget(root, RootIdentity.read(root), random, watcher);
    }

    /** The random id in the marker of the root, 32 hex digits. */
    public String targetId() {
        return identity.id();
    }

    @Override
    public void putIfAbsent(String key, List<ByteBuffer> content) throws TargetException {
        Path file = root.resolve(BlobKeys.checked(key));
        identity.check();
        Path temporary = root.resolve(TEMPORARY).resolve(randomHex(random));
        boolean written = false;
        try {
            Path folder = parentOf(file);
            makeDurable(folder);
            Files.createDirectories(parentOf(temporary));
            written = true;
            writeDurably(temporary, content, watcher);
            watcher.reached(PutStep.SYNCED, temporary);
            give(temporary, file);
            watcher.reached(PutStep.LINKED, file);
            syncFolder(folder);
            watcher.reached(PutStep.FOLDER_SYNCED, file);
        } catch (FileAlreadyExistsException e) {
            throw new TargetException(Kind.CONFLICT, key + " exists already on " + describe(), e);
        } catch (UnsupportedOperationException e) {
            throw noLinks(root, e);
        } catch (IOException e) {
            identity.check();
            throw FileErrors.of("write " + key + " to " + describe(), e);
        } finally {
            if (written) {
                removeQuietly(temporary);
            }
        }
        watcher.reached(PutStep.UNLINKED, file);
    }

    /** Create-if-absent. A name that is there already is ours when NFS sent the request again because its answer was lost. */
    private static void give(Path temporary, Path file) throws IOException {
        try {
            Files.createLink(file, temporary);
        } catch (FileAlreadyExistsException e) {
            if (!Files.isSameFile(file, temporary)) {
                throw e;
            }
        }
    }

    @Override
    public long get(String key, ByteRange range, ByteBuffer dst) throws TargetException {
        Path file = root.resolve(BlobKeys.checked(key));
        try (FileChannel channel = FileChannel.open(file, READ)) {
            long sizeBytes = channel.size();
            int lengthBytes = range.lengthIn(sizeBytes);
            if (lengthBytes < 0) {
                throw tooShort(key, range, sizeBytes);
            }
            if (lengthBytes > dst.remaining()) {
                throw new IllegalArgumentException("room for " + dst.remaining() + " bytes, not " + lengthBytes);
            }
            int limit = dst.limit();
            dst.limit(dst.position() + lengthBytes);
            try {
                long position = range.startIn(sizeBytes);
                while (dst.hasRemaining()) {
                    int got = channel.read(dst, position);
                    if (got < 0) {
                        throw tooShort(key, range, position);
                    }
                    position += got;
                }
            } finally {
                dst.limit(limit);
            }
            return sizeBytes;
        } catch (IOException e) {
            throw missOrFailure("read " + key, e);
        }
    }

    private TargetException tooShort(String key, ByteRange range, long sizeBytes) {
        return new TargetException(
                Kind.CORRUPT,
                key + " on " + describe() + " has " + sizeBytes + " bytes; bytes " + range.offsetBytes() + " to "
                        + (range.offsetBytes() + range.lengthBytes()) + " were asked for");
    }

    @Override
    public long stat(String key) throws TargetException {
        try {
            return Files.size(root.resolve(BlobKeys.checked(key)));
        } catch (IOException e) {
            throw missOrFailure("look at " + key, e);
        }
    }

    /** A miss counts only when the root is still the root. */
    private TargetException missOrFailure(String doing, IOException e) throws TargetException {
        if (e instanceof TargetException already) {
            return already;
        }
        identity.check();
        return FileErrors.of(doing + " on " + describe(), e);
    }

    @Override
    public void list(String prefix, BlobVisitor visitor) throws TargetException {
        identity.check();
        try {
            walk.list(prefix, visitor);
        } catch (IOException e) {
            throw missOrFailure("list " + prefix, e);
        }
        identity.check();
    }

    @Override
    public void listFolders(String prefix, Consumer<String> visitor) throws TargetException {
        identity.check();
        try {
            walk.listFolders(prefix, visitor);
        } catch (IOException e) {
            throw missOrFailure("list " + prefix, e);
        }
        identity.check();
    }

    private List<FolderWalk.Entry> entriesOf(String folder, boolean sizes) throws IOException {
        List<Path> paths;
        try (Stream<Path> entries = Files.list(root.resolve(folder))) {
            paths = entries.toList();
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (UncheckedIOException e) {
            throw new IOException(e.getMessage(), e);
        }
        List<FolderWalk.Entry> found = new ArrayList<>(paths.size());
        for (Path path : paths) {
            String name = String.valueOf(path.getFileName());
            if (!FolderWalk.isForeign(name)) {
                BasicFileAttributes entry =
                        Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
                boolean wanted = sizes && !entry.isDirectory();
                found.add(new FolderWalk.Entry(name, entry.isDirectory(), wanted ? Files.size(path) : 0));
            }
        }
        return found;
    }

    @Override
    public TargetCapabilities capabilities() {
        return new TargetCapabilities(true, true);
    }

    @Override
    public void validate() throws TargetException {
        identity.check();
        Path temporary = root.resolve(TEMPORARY).resolve(randomHex(random));
        Path second = root.resolve(TEMPORARY).resolve(randomHex(random));
        try {
            Files.createDirectories(root.resolve(TEMPORARY));
            writeDurably(temporary, List.of(ByteBuffer.wrap(new byte[1])), UNWATCHED);
            Files.createLink(second, temporary);
            syncFolder(root.resolve(TEMPORARY));
        } catch (UnsupportedOperationException e) {
            throw noLinks(root, e);
        } catch (IOException e) {
            throw FileErrors.of("try out target " + root, e);
        } finally {
            removeQuietly(temporary);
            removeQuietly(second);
        }
    }

    @Override
    public String describe() {
        return "target folder " + root;
    }

    @Override
    public void close() {}

    /** Creates {@code folder} and syncs the names on the way to it, once for each folder. */
    private void makeDurable(Path folder) throws IOException {
        if (durableFolders.contains(folder)) {
            return;
        }
        Files.createDirectories(folder);
        for (Path at = folder; !at.equals(root); at = parentOf(at)) {
            syncFolder(parentOf(at));
        }
        durableFolders.add(folder);
    }

    private static void writeDurably(Path file, List<ByteBuffer> content, PutStep.Watcher watcher) throws IOException {
        try (FileChannel channel = FileChannel.open(file, CREATE_NEW, WRITE)) {
            for (ByteBuffer part : content) {
                ByteBuffer rest = part.duplicate();
                while (rest.hasRemaining()) {
                    channel.write(rest);
                }
            }
            watcher.reached(PutStep.WRITTEN, file);
            channel.force(true);
        }
    }

    private static void syncFolder(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, READ)) {
            channel.force(true);
        }
    }

    private static void removeQuietly(Path temporary) {
        try {
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            // A rest in the temporary folder is invisible; the put itself has its own outcome.
        }
    }

    private static Path parentOf(Path path) {
        Path parent = path.getParent();
        if (parent == null) {
            throw new IllegalStateException(path + " has no folder");
        }
        return parent;
    }

    static TargetException noLinks(Path root, UnsupportedOperationException e) {
        return new TargetException(
                Kind.DENIED,
                "the file system of " + root + " has no hard links, which create-if-absent needs; take another one",
                e);
    }

    private static String randomHex(RandomGenerator random) {
        byte[] bytes = new byte[16];
        random.nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }
}
