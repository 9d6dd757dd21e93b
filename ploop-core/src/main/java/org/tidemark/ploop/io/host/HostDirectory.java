package org.tidemark.ploop.io.host;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.nfs.AddressLocks;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.NameExchange;
import org.tidemark.ploop.os.NativeFile;
import org.tidemark.ploop.os.OsException;

/** The names in one folder of this host. How bytes travel is decided by the {@link FileOpener}. */
public class HostDirectory implements ImageDirectory {
    private static final int OWNER_ONLY = 0600;
    private static final int NAME_BYTES = 255;
    private static final int TYPE_MASK = 0170000;
    private static final int TYPE_REGULAR = 0100000;
    private static final int TYPE_BLOCK_DEVICE = 0060000;

    private final Path folder;
    private final FileOpener opener;

    /** Opens a folder that is there. */
    protected HostDirectory(Path folder, FileOpener opener) throws IOException {
        if (!Files.readAttributes(folder, BasicFileAttributes.class).isDirectory()) {
            throw new NotDirectoryException(folder.toString());
        }
        this.folder = folder;
        this.opener = opener;
    }

    /** Opens a file for one I/O module. */
    public interface FileOpener {
        /** Flags for {@link NativeFile#open(Path, int, int)} in addition to the access mode. */
        int flags();

        /** Makes the module's object; closes {@code file} when it throws. */
        ImageIo wrap(NativeFile file, boolean writable) throws IOException;
    }

    public Path folder() {
        return folder;
    }

    @Override
    public String name() {
        return folder.toString();
    }

    @Override
    public ImageIo open(String name, OpenMode mode) throws IOException {
        Path path = resolve(name);
        requireFile(path);
        boolean writable = mode == OpenMode.READ_WRITE;
        int access = writable ? NativeFile.READ_WRITE : NativeFile.READ_ONLY;
        NativeFile file;
        try {
            file = openFile(path, access | opener.flags());
        } catch (OsException e) {
            throw inWords(path, e);
        }
        return opener.wrap(file, writable);
    }

    /** What a person has to do about it, if that is known. */
    private static IOException inWords(Path path, OsException e) {
        String words =
                switch (e.errno()) {
                    case Errno.EACCES, Errno.EPERM ->
                        "permission denied; check its owner and mode, and on NFS that the server does not let root be nobody (root_squash)";
                    case Errno.EROFS -> "the file system is read-only; mount it rw, or open the image only for reading";
                    default -> "";
                };
        if (words.isEmpty()) {
            return e;
        }
        AccessDeniedException denied = new AccessDeniedException(path + ": " + words);
        denied.initCause(e);
        return denied;
    }

    @Override
    public ImageIo create(String name) throws IOException {
        Path path = resolve(name);
        // In two steps: an open that refuses the module's flags would have created the file already.
        openFile(path, NativeFile.READ_WRITE | NativeFile.CREATE | NativeFile.EXCLUSIVE)
                .close();
        try {
            return opener.wrap(openFile(path, NativeFile.READ_WRITE | opener.flags()), true);
        } catch (IOException e) {
            Files.deleteIfExists(path);
            throw e;
        }
    }

    @Override
    public boolean exists(String name) throws IOException {
        return attributesIfThere(name).isPresent();
    }

    /** Nothing only when it is certain that there is none: an error, as of a mount that has gone stale, is no absence. */
    private Optional<BasicFileAttributes> attributesIfThere(String name) throws IOException {
        Path path = resolve(name);
        try {
            return Optional.of(Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            // Nothing can have a name that is too long.
            if (name.getBytes(StandardCharsets.UTF_8).length > NAME_BYTES) {
                return Optional.empty();
            }
            throw e;
        }
    }

    @Override
    public void rename(String from, String to) throws IOException {
        Files.move(resolve(from), resolve(to), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void delete(String name) throws IOException {
        Path path = resolve(name);
        if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
            throw new ImageException(ImageException.Kind.INVALID_REQUEST, path + " is a folder, not a file");
        }
        Files.delete(path);
    }

    @Override
    public String fingerprint(String name) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(resolve(name), BasicFileAttributes.class);
        long changed = attributes.lastModifiedTime().to(TimeUnit.NANOSECONDS);
        return Long.toHexString(attributes.size()) + ":" + Long.toHexString(changed);
    }

    @Override
    public String identity(String name) throws IOException {
        try (NativeFile file = openFile(resolve(name), NativeFile.READ_ONLY)) {
            return file.identity();
        }
    }

    @Override
    public long freeBytes() throws IOException {
        return Files.getFileStore(folder).getUsableSpace();
    }

    @Override
    public int names(String name) throws IOException {
        return (int) Files.getAttribute(resolve(name), "unix:nlink");
    }

    @Override
    public void link(String name, ImageDirectory folder, String newName) throws IOException {
        Path existing = resolve(name).toRealPath();
        if (!(folder instanceof HostDirectory other)) {
            throw differentFileSystems(existing, folder.name(), null);
        }
        Path fresh = other.resolve(newName);
        try {
            Files.createLink(fresh, existing);
        } catch (FileAlreadyExistsException | NoSuchFileException e) {
            throw e;
        } catch (FileSystemException e) {
            if (!Files.getFileStore(existing).equals(Files.getFileStore(other.folder))) {
                throw differentFileSystems(existing, other.name(), e);
            }
            throw e;
        }
    }

    private static ImageException differentFileSystems(Path file, String folder, @Nullable IOException cause) {
        String message = file + " and " + folder + " do not lie on one file system, so they cannot share a file";
        return cause == null
                ? new ImageException(ImageException.Kind.UNSUPPORTED, message)
                : new ImageException(ImageException.Kind.UNSUPPORTED, message, cause);
    }

    @Override
    public List<String> list() throws IOException {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            for (Path entry : entries) {
                Path name = entry.getFileName();
                if (name != null && !Files.isDirectory(entry)) {
                    names.add(name.toString());
                }
            }
        }
        return names;
    }

    @Override
    public ImageLock lock(String name, boolean exclusive) throws IOException {
        Path path = resolve(name);
        requireFile(path);
        NativeFile file = openToLock(path, exclusive);
        boolean done = false;
        try {
            if (!file.tryLock(exclusive)) {
                throw new ImageException(
                        ImageException.Kind.IN_USE, path + " is in use by another process; detach it there first");
            }
            AddressLocks.requireNone(folder, name, exclusive);
            done = true;
            return new DescriptorLock(file);
        } catch (OsException e) {
            throw e.errno() == Errno.ENOLCK ? noLocks(path, e) : e;
        } finally {
            if (!done) {
                file.close();
            }
        }
    }

    private static ImageException noLocks(Path path, OsException e) {
        return new ImageException(
                ImageException.Kind.UNSUPPORTED,
                path
                        + ": its file system gives no locks, which keep two from using one image; mount it with NFS version 4, or let the"
                        + " server's lock service be reached, or use 'nolock' when no other host ever uses the image",
                e);
    }

    /** An exclusive lock wants a descriptor for writing, also one that is only made exclusive later. */
    private static NativeFile openToLock(Path path, boolean exclusive) throws IOException {
        try {
            return openFile(path, NativeFile.READ_WRITE);
        } catch (OsException e) {
            boolean mayNotWrite = e.errno() == Errno.EACCES || e.errno() == Errno.EROFS || e.errno() == Errno.EPERM;
            if (exclusive || !mayNotWrite) {
                throw inWords(path, e);
            }
            return openFile(path, NativeFile.READ_ONLY);
        }
    }

    @Override
    public void sync() throws IOException {
        try (NativeFile handle = NativeFile.open(folder, NativeFile.READ_ONLY | NativeFile.DIRECTORY, 0)) {
            handle.fsync();
        }
    }

    @Override
    public ImageDirectory createFolder(String name) throws IOException {
        Files.createDirectory(resolve(name));
        return folder(name);
    }

    @Override
    public ImageDirectory folder(String name) throws IOException {
        return new HostDirectory(resolve(name), opener);
    }

    @Override
    public boolean hasFolder(String name) throws IOException {
        return attributesIfThere(name).map(BasicFileAttributes::isDirectory).orElse(false);
    }

    @Override
    public void deleteFolder(String name) throws IOException {
        Path path = resolve(name);
        if (!Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
            throw new NotDirectoryException(path.toString());
        }
        Files.delete(path);
    }

    @Override
    public void exchange(String file, String folder) throws IOException {
        try {
            NameExchange.swap(resolve(file), resolve(folder));
        } catch (OsException e) {
            if (e.errno() == Errno.EINVAL || e.errno() == Errno.ENOSYS) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        resolve(file) + ": its file system cannot exchange a file for a folder",
                        e);
            }
            throw e;
        }
    }

    @Override
    public Optional<Entry> entry() throws IOException {
        Path real = folder.toAbsolutePath().normalize();
        Path name = real.getFileName();
        Path parent = real.getParent();
        return name == null || parent == null
                ? Optional.empty()
                : Optional.of(new Entry(new HostDirectory(parent, opener), name.toString()));
    }

    private Path resolve(String name) {
        if (name.isEmpty()
                || name.indexOf('/') >= 0
                || name.indexOf('\0') >= 0
                || name.equals(".")
                || name.equals("..")) {
            throw new IllegalArgumentException("not the name of a file: '" + name + "'");
        }
        return folder.resolve(name);
    }

    private static void requireFile(Path path) throws IOException {
        int type = (int) Files.getAttribute(path, "unix:mode") & TYPE_MASK;
        if (type != TYPE_REGULAR && type != TYPE_BLOCK_DEVICE) {
            throw new ImageException(ImageException.Kind.NOT_AN_IMAGE, path + " is neither a file nor a block device");
        }
    }

    private static NativeFile openFile(Path path, int flags) throws IOException {
        try {
            return NativeFile.open(path, flags, OWNER_ONLY);
        } catch (OsException e) {
            if (e.errno() == Errno.ENOENT) {
                throw new NoSuchFileException(path.toString());
            }
            if (e.errno() == Errno.EEXIST) {
                throw new FileAlreadyExistsException(path.toString());
            }
            if (e.errno() == Errno.EINVAL && (flags & NativeFile.DIRECT) != 0) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        path + ": this file system has no direct I/O; use the page cache instead (vfs)",
                        e);
            }
            throw e;
        }
    }

    /** The lock goes with the last duplicate of the descriptor. */
    private record DescriptorLock(NativeFile file) implements ImageLock {
        @Override
        public int descriptor() {
            return file.fd();
        }

        @Override
        public boolean convert(boolean exclusive) throws IOException {
            return file.tryLock(exclusive);
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
