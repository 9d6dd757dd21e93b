package org.tidemark.appliance.service.migration;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.ploop.chain.MovedImage;
import org.tidemark.ploop.handover.HandOverFile;
import org.tidemark.ploop.handover.HandOverRecord;
import org.tidemark.ploop.os.NativeFile;

/**
 * An image that is received. Its folder has the name {@code NAME.tidemark-incoming} until it is handed over; the record of the hand-over
 * lies in it and goes with it.
 *
 * @param path what it is called once it is here
 */
record ArrivingImage(String id, Path path) {
    private static final String SUFFIX = ".tidemark-incoming";
    private static final String FILE = "[A-Za-z0-9_{}.-][A-Za-z0-9_{}. -]{0,250}";

    Path incoming() {
        return path.resolveSibling(path.getFileName() + SUFFIX);
    }

    /** Where it is now. */
    Path folder() {
        return Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS) ? path : incoming();
    }

    /** A file of it, by a name that the other side gave. */
    Path file(String name) throws ApplianceException {
        if (!name.matches(FILE) || name.equals("..") || name.equals(".")) {
            throw ApplianceException.usage("'" + name + "' cannot be a file of an image");
        }
        return incoming().resolve(name);
    }

    /** An empty folder to receive it in; what an earlier attempt left goes. */
    void begin() throws IOException {
        remove();
        Files.createDirectory(incoming());
        sync(parent());
    }

    private Path parent() {
        Path parent = path.getParent();
        if (parent == null) {
            throw new IllegalStateException(path + " has no folder");
        }
        return parent;
    }

    /** Gives it its name; durable on return. Can be repeated. */
    void place() throws IOException {
        if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS) && !Files.isDirectory(incoming())) {
            return;
        }
        sync(incoming());
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            throw ApplianceException.conflict(path + ": there is something of that name now");
        }
        Files.move(incoming(), path, StandardCopyOption.ATOMIC_MOVE);
        sync(parent());
    }

    private static void sync(Path folder) throws IOException {
        try (NativeFile open = NativeFile.open(folder, NativeFile.READ_ONLY | NativeFile.DIRECTORY, 0)) {
            open.fsync();
        }
    }

    HandOverFile record() throws IOException {
        return MovedImage.record(folder());
    }

    /** What was received goes, while it is not ours. */
    void remove() throws IOException {
        removeTree(incoming());
        // It had its name already when it was refused.
        if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)
                && MovedImage.record(path).read().state() == HandOverRecord.State.REFUSED) {
            removeTree(path);
        }
    }

    /** What was received goes, but for the record, which may be asked for once more. */
    void removeFiles() throws IOException {
        if (!Files.isDirectory(folder(), LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(
                folder(), file -> !file.getFileName().toString().equals(HandOverFile.FILE_NAME))) {
            for (Path file : files) {
                Files.delete(file);
            }
        }
    }

    private static void removeTree(Path folder) throws IOException {
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path one, @Nullable IOException failure) throws IOException {
                Files.delete(one);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    /** Whether everything has come. */
    void requireWhole(Iterable<String> names) throws IOException {
        for (String name : names) {
            if (!Files.isRegularFile(file(name), LinkOption.NOFOLLOW_LINKS)) {
                throw new NoSuchFileException(incoming() + ": " + name + " has not arrived");
            }
        }
    }
}
