package org.tidemark.ploop.chain;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Optional;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.nfs.NfsLocation;

/**
 * Where an image is: a file or folder of this host, or one on an NFS server. Its text is what people type and records keep: a
 * path, or an address {@code nfs://server/export/dir/image}. Two are equal when their texts are, so a place is compared when it
 * is {@link #real}.
 */
public sealed interface ImagePlace {
    /** A path of this host, which may be relative. */
    record OnHost(Path file) implements ImagePlace {
        @Override
        public String toString() {
            return file.toString();
        }
    }

    /** A file or folder that only its server knows by a path. */
    record OnNfs(NfsLocation location) implements ImagePlace {
        @Override
        public String toString() {
            return location.address();
        }
    }

    /**
     * Reads a path or an address.
     *
     * @throws IllegalArgumentException when it begins as an address and is none, or is no path; says what is wrong
     */
    static ImagePlace of(String text) {
        return isAddress(text) ? new OnNfs(NfsLocation.parse(text)) : new OnHost(Path.of(text));
    }

    static ImagePlace of(Path path) {
        return new OnHost(path);
    }

    /** Whether a text is meant as the address of something on a server. */
    static boolean isAddress(String text) {
        return text.startsWith("nfs://");
    }

    /** The path, of an image of this host. */
    default Optional<Path> path() {
        return this instanceof OnHost here ? Optional.of(here.file()) : Optional.empty();
    }

    /** The location, of an image on a server. */
    default Optional<NfsLocation> nfs() {
        return this instanceof OnNfs there ? Optional.of(there.location()) : Optional.empty();
    }

    /**
     * The path, for what is done only to images of this host.
     *
     * @param doing what that is, as in "cannot be cloned"
     * @throws ImageException UNSUPPORTED for one on a server
     */
    default Path requireHost(String doing) throws ImageException {
        return path().orElseThrow(() -> new ImageException(
                ImageException.Kind.UNSUPPORTED,
                this + ": an image on NFS " + doing
                        + "; detach it, mount the export on this host and give the path there"));
    }

    /** The last part of the name. */
    default String fileName() {
        if (this instanceof OnNfs there) {
            String path = there.location().path();
            return path.substring(path.lastIndexOf('/') + 1);
        }
        return path().map(Path::getFileName).map(Path::toString).orElse("image");
    }

    /**
     * The same image by the one name that all its names lead to. Whether an image on a server exists is found out when it is
     * opened.
     *
     * @throws NoSuchFileException when there is no such file on this host
     */
    default ImagePlace real() throws IOException {
        Optional<Path> here = path();
        if (here.isEmpty()) {
            return this;
        }
        if (!isThere()) {
            throw new NoSuchFileException(here.get() + ": there is no such image");
        }
        return of(here.get().toRealPath());
    }

    /**
     * Whether there may be something: false only when it is certain that nothing is. True of an image on a server, which is asked
     * when the image is opened.
     *
     * @throws IOException when this host cannot tell, as of a mount that is stale
     */
    default boolean isThere() throws IOException {
        if (path().isEmpty()) {
            return true;
        }
        try {
            Files.readAttributes(path().get(), BasicFileAttributes.class);
            return true;
        } catch (NoSuchFileException e) {
            return false;
        } catch (FileSystemException e) {
            IOException reason = ChainFiles.cannotBeLookedAt(path().get(), e);
            if (reason instanceof NoSuchFileException) {
                return false;
            }
            throw reason;
        }
    }
}
