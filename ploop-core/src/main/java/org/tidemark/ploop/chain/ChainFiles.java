package org.tidemark.ploop.chain;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.Formats;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedLayout;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * The files of one chain, base first, not open.
 *
 * @param name what messages call the image
 * @param directory the folder that holds the descriptor, or the lone file
 * @param links at least one
 * @param descriptor absent for a lone file
 * @param clusterSizeBytes the chain's cluster size; 0 when only the file knows it
 */
public record ChainFiles(
        String name,
        ImageDirectory directory,
        List<Link> links,
        Optional<DiskDescriptor> descriptor,
        int clusterSizeBytes) {
    /** The cluster size of a lone raw file, which has none of its own. */
    public static final int RAW_CLUSTER_BYTES = 1 << 20;

    private static final int NAME_BYTES = 255;

    /** One file of the chain. */
    public record Link(ImageDirectory directory, String fileName, String formatId) {}

    /** Opens the folder at a path, with one I/O module or another. */
    @FunctionalInterface
    public interface FolderOpener {
        ImageDirectory open(Path folder) throws IOException;
    }

    /**
     * Finds the files of an image: a folder with a descriptor, the descriptor itself, a lone file, or a qcow2
     * image with its backing files. What is kept beside a lone file lies beside the file, not beside a symbolic link to it.
     */
    public static ChainFiles at(Path image, FolderOpener opener) throws IOException {
        ChainFiles files = whateverState(image, opener);
        TrialOverlay.requireNone(files);
        return files;
    }

    /** The same also while a change that was accepted is not wholly in the image. */
    static ChainFiles whateverState(Path image, FolderOpener opener) throws IOException {
        boolean folder;
        try {
            folder = Files.readAttributes(image, BasicFileAttributes.class).isDirectory();
        } catch (NoSuchFileException e) {
            throw e;
        } catch (FileSystemException e) {
            throw cannotBeLookedAt(image, e);
        }
        if (folder) {
            if (!opener.open(image).exists(DiskDescriptor.FILE_NAME)) {
                throw noDescriptor(image.toString());
            }
            return described(image, opener);
        }
        Path name = image.getFileName();
        Path parent = image.toAbsolutePath().getParent();
        if (name == null || parent == null) {
            throw new NoSuchFileException(image.toString());
        }
        if (name.toString().equals(DiskDescriptor.FILE_NAME)) {
            return described(parent, opener);
        }
        ChainFiles lone = loneFile(opener.open(parent), name.toString());
        if (lone.top().formatId().equals(Qcow2Format.ID)) {
            return BackingChain.follow(image, opener);
        }
        return Files.isSymbolicLink(image) ? whateverState(image.toRealPath(), opener) : lone;
    }

    /**
     * The files of the image of that name in a folder that may be no folder of this host: a folder with a descriptor, the
     * descriptor itself, or a lone file. All of them lie in one folder.
     *
     * @throws ImageException UNSUPPORTED for a qcow2 image, which names other files by paths of this host
     */
    public static ChainFiles named(ImageDirectory parent, String name) throws IOException {
        if (parent.hasFolder(name)) {
            return described(parent.folder(name));
        }
        if (!parent.exists(name)) {
            throw new NoSuchFileException(parent.name() + "/" + name + ": there is no such image");
        }
        if (name.equals(DiskDescriptor.FILE_NAME)) {
            return in(parent);
        }
        ChainFiles lone = loneFile(parent, name);
        if (lone.top().formatId().equals(Qcow2Format.ID)) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    lone.name() + ": a qcow2 image on NFS cannot be used so; mount the export on this host and give the"
                            + " path there");
        }
        TrialOverlay.requireNone(lone);
        return lone;
    }

    private static ChainFiles described(ImageDirectory folder) throws IOException {
        if (!folder.exists(DiskDescriptor.FILE_NAME)) {
            throw noDescriptor(folder.name());
        }
        ChainFiles files = in(folder);
        TrialOverlay.requireNone(files);
        return files;
    }

    /** It may be there or not: a person has to look. */
    static IOException cannotBeLookedAt(Path image, FileSystemException e) {
        if (e instanceof AccessDeniedException) {
            AccessDeniedException denied = new AccessDeniedException(image
                    + ": permission denied; check owner and mode of it and of the folders above, and on NFS that the server does"
                    + " not let root be nobody (root_squash)");
            denied.initCause(e);
            return denied;
        }
        for (Path at = image; at != null; at = at.getParent()) {
            Path name = at.getFileName();
            if (name != null && name.toString().getBytes(StandardCharsets.UTF_8).length > NAME_BYTES) {
                return new ImageException(
                        ImageException.Kind.INVALID_REQUEST,
                        image + ": a name in it is too long; file systems have at most " + NAME_BYTES
                                + " bytes for one",
                        e);
            }
            if (Files.isRegularFile(at)) {
                return new NoSuchFileException(image.toString());
            }
        }
        return new FileSystemException(
                image.toString(),
                null,
                "cannot be looked at; check the name and the mount ("
                        + (e.getReason() == null ? e.getClass().getSimpleName() : e.getReason()) + ")");
    }

    private static ImageException noDescriptor(String folder) {
        return new ImageException(
                ImageException.Kind.NOT_AN_IMAGE, folder + ": folder without a " + DiskDescriptor.FILE_NAME);
    }

    /** The files of the image whose descriptor lies in {@code directory} and names files of the same folder only. */
    public static ChainFiles in(ImageDirectory directory) throws IOException {
        return of(directory, DiskDescriptor.read(directory), file -> {
            if (file.indexOf('/') >= 0) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED, directory.name() + ": '" + file + "' lies in another folder");
            }
            return directory;
        });
    }

    private static ChainFiles described(Path folder, FolderOpener opener) throws IOException {
        ImageDirectory directory = opener.open(folder);
        DiskDescriptor descriptor = DiskDescriptor.read(directory);
        return of(
                directory, descriptor, file -> file.indexOf('/') < 0 ? directory : opener.open(parentOf(folder, file)));
    }

    /**
     * The files from the base to one level of the snapshot tree, to be read only. Throws INVALID_REQUEST when there is no
     * such level, or it is half merged.
     */
    public static ChainFiles level(Path image, String guid, FolderOpener opener) throws IOException {
        ChainFiles whole = at(image, opener);
        if (OverlaySnapshots.concerns(whole)) {
            String file =
                    OverlayTree.read(whole.directory(), whole.top().fileName()).requireWhole(guid);
            return BackingChain.follow(Path.of(whole.directory().name()).resolve(file), opener);
        }
        DiskDescriptor descriptor = whole.descriptor()
                .orElseThrow(() -> new ImageException(
                        ImageException.Kind.INVALID_REQUEST, image + ": a single file has no snapshots"));
        Path folder = Path.of(whole.directory().name());
        return level(
                whole.directory(),
                descriptor,
                guid,
                file -> file.indexOf('/') < 0 ? whole.directory() : opener.open(parentOf(folder, file)));
    }

    /** The same, of an image all of whose files lie in {@code directory}. */
    static ChainFiles level(ImageDirectory directory, DiskDescriptor descriptor, String guid) throws IOException {
        return level(directory, descriptor, guid, file -> directory);
    }

    private static ChainFiles level(
            ImageDirectory directory, DiskDescriptor descriptor, String guid, FileFolder folders) throws IOException {
        DiskDescriptor.Shot shot = descriptor.requireShot(guid);
        if (shot.temporary()) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    directory.name() + ": the snapshot " + shot.guid()
                            + " is being merged into the one above it and does not exist by itself any more");
        }
        return new ChainFiles(
                directory.name() + " at " + shot.guid(),
                directory,
                links(directory, descriptor.pathTo(shot.guid()), folders),
                Optional.empty(),
                descriptor.geometry().clusterSizeBytes());
    }

    private static Path parentOf(Path folder, String file) throws IOException {
        try {
            Path parent = folder.toAbsolutePath().resolve(file).normalize().getParent();
            if (parent != null && Files.isDirectory(parent)) {
                return parent;
            }
        } catch (InvalidPathException e) {
            throw new ImageException(ImageException.Kind.DAMAGED, folder + ": '" + file + "' is no path", e);
        }
        throw new NoSuchFileException(folder.resolve(file).toString());
    }

    @FunctionalInterface
    private interface FileFolder {
        ImageDirectory of(String file) throws IOException;
    }

    private static ChainFiles of(ImageDirectory directory, DiskDescriptor descriptor, FileFolder folders)
            throws IOException {
        return new ChainFiles(
                directory.name(),
                directory,
                links(directory, descriptor.pathTo(descriptor.topGuid()), folders),
                Optional.of(descriptor),
                descriptor.geometry().clusterSizeBytes());
    }

    private static List<Link> links(ImageDirectory directory, List<DiskDescriptor.Image> path, FileFolder folders)
            throws IOException {
        List<Link> links = new ArrayList<>();
        for (DiskDescriptor.Image image : path) {
            String fileName = image.file().substring(image.file().lastIndexOf('/') + 1);
            if (fileName.equals(".") || fileName.equals("..")) {
                throw new ImageException(
                        ImageException.Kind.DAMAGED, directory.name() + ": '" + image.file() + "' is no file");
            }
            Link link = new Link(folders.of(image.file()), fileName, image.formatId());
            requireOnce(directory, links, link);
            links.add(link);
        }
        return List.copyOf(links);
    }

    /** One file at two levels, spelled differently, would be written to while it is frozen. */
    private static void requireOnce(ImageDirectory directory, List<Link> links, Link link) throws ImageException {
        for (Link other : links) {
            if (samePlace(other, link)) {
                throw new ImageException(
                        ImageException.Kind.DAMAGED,
                        directory.name() + ": names the file " + link.fileName() + " twice");
            }
        }
    }

    private static boolean samePlace(Link one, Link other) {
        return one.fileName().equals(other.fileName())
                && (one.directory() == other.directory()
                        || absolute(one.directory().name())
                                .equals(absolute(other.directory().name())));
    }

    private static Path absolute(String folder) {
        return Path.of(folder).toAbsolutePath().normalize();
    }

    /** An image of one file, recognised by its content, without backing files. */
    public static ChainFiles loneFile(ImageDirectory directory, String fileName) throws IOException {
        try (ImageIo io = directory.open(fileName, OpenMode.READ_ONLY)) {
            String formatId = Formats.recognise(io).id();
            return loneFile(directory, fileName, formatId);
        }
    }

    /** An image of one file of a known format. */
    public static ChainFiles loneFile(ImageDirectory directory, String fileName, String formatId) {
        int clusterSizeBytes = formatId.equals(RawFormat.ID) ? RAW_CLUSTER_BYTES : 0;
        return new ChainFiles(
                directory.name() + "/" + fileName,
                directory,
                List.of(new Link(directory, fileName, formatId)),
                Optional.empty(),
                clusterSizeBytes);
    }

    /**
     * Makes a new image in an empty folder: an empty expanded file and a descriptor. The disk's size is rounded up to
     * whole clusters, as {@code ploop init} does.
     */
    public static ChainFiles create(ImageDirectory directory, String fileName, long diskSizeBytes, int clusterSizeBytes)
            throws IOException {
        return create(directory, fileName, diskSizeBytes, clusterSizeBytes, ExpandedLayout.USUAL);
    }

    /** The same in another layout. */
    public static ChainFiles create(
            ImageDirectory directory,
            String fileName,
            long diskSizeBytes,
            int clusterSizeBytes,
            ExpandedLayout expandedLayout)
            throws IOException {
        if (directory.exists(DiskDescriptor.FILE_NAME)) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST, directory.name() + ": holds an image already");
        }
        if (diskSizeBytes <= 0
                || clusterSizeBytes <= 0
                || clusterSizeBytes % DeltaGeometry.SECTOR_BYTES != 0
                || diskSizeBytes > Long.MAX_VALUE - clusterSizeBytes) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    directory.name() + ": no image has " + diskSizeBytes + " bytes in clusters of " + clusterSizeBytes);
        }
        long rounded = (diskSizeBytes + clusterSizeBytes - 1) / clusterSizeBytes * clusterSizeBytes;
        DeltaGeometry geometry = new DeltaGeometry(rounded, clusterSizeBytes);
        ImageIo io = directory.create(fileName);
        try (io) {
            new ExpandedFormat().create(io, geometry, expandedLayout);
        } catch (IOException e) {
            directory.delete(fileName);
            throw e;
        }
        directory.sync();
        DiskDescriptor.fresh(
                        directory.name() + "/" + DiskDescriptor.FILE_NAME,
                        geometry,
                        fileName,
                        expandedLayout.preallocated())
                .store(directory);
        return in(directory);
    }

    /** The same image after a change of its tree: files that were made lie beside the descriptor. */
    ChainFiles with(DiskDescriptor changed) throws IOException {
        List<Link> changedLinks = new ArrayList<>();
        for (DiskDescriptor.Image image : changed.pathTo(changed.topGuid())) {
            String file = image.file().substring(image.file().lastIndexOf('/') + 1);
            Link known = null;
            for (Link link : links) {
                boolean plain = image.file().indexOf('/') < 0;
                if (link.fileName().equals(file) && plain == (link.directory() == directory)) {
                    known = link;
                }
            }
            changedLinks.add(known == null ? new Link(directory, file, image.formatId()) : known);
        }
        return new ChainFiles(name, directory, List.copyOf(changedLinks), Optional.of(changed), clusterSizeBytes);
    }

    /** The file that is written to. */
    public Link top() {
        return links.get(links.size() - 1);
    }
}
