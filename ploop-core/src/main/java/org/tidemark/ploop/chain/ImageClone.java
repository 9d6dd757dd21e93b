package org.tidemark.ploop.chain;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.tidemark.ploop.chain.DiskDescriptor.Image;
import org.tidemark.ploop.chain.DiskDescriptor.Shot;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedHeader;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/**
 * Makes an image that begins as another one is, whatever its size, by sharing its files.
 *
 * <p>The clone is a folder of its own. The frozen files of the template get a second name in it (hard links), and an empty delta
 * lies on top. Template and clone do not need each other: either may be deleted, and the space goes with the last name. A file
 * with several names is never written: {@link ChainLocks} and the operations on snapshots refuse that. Other tools do not know
 * this rule; a clone that leaves this host is better converted first.
 *
 * <p>What is cloned is a frozen level. The present content of a template with a descriptor becomes a snapshot of it first,
 * unless nothing was written since its last one; a single file simply is shared, and from then on only read.
 *
 * <p>A qcow2 image is cloned as a qcow2 image that stands on it ({@link OverlayClone}).
 *
 * <p>The folder is made under another name and renamed when everything in it is durable: a crash leaves no half a clone.
 */
public final class ImageClone {
    private static final String PARTIAL = ".tidemark-partial";
    static final String LONE_DELTA = "root.hds";

    private final Supplier<UUID> newIds;

    /** {@code newIds} gives names that nobody has used, usually {@code UUID::randomUUID}. */
    public ImageClone(Supplier<UUID> newIds) {
        this.newIds = newIds;
    }

    /**
     * What was made.
     *
     * @param snapshot the level of the template that the clone begins with; absent for a single file
     */
    public record Made(ChainFiles files, Optional<String> snapshot) {}

    /**
     * Clones an image, or one snapshot of it; durable on return.
     *
     * @throws ImageException IN_USE when the present content is wanted and somebody has it open for writing, or when somebody
     *     makes an image at the destination; UNSUPPORTED when
     *     template and destination do not lie on one file system; NOT_CLOSED for a single file that was not closed
     */
    public Made make(Path template, Optional<String> snapshot, Path destination) throws IOException {
        Path absolute = destination.toAbsolutePath().normalize();
        Path parent = absolute.getParent();
        if (parent == null || !Files.isDirectory(parent)) {
            throw new NoSuchFileException(parent + ": there is no such folder; create it first");
        }
        try (DestinationClaim claim = DestinationClaim.take(absolute)) {
            return makeClaimed(template, snapshot, absolute, parent);
        }
    }

    private Made makeClaimed(Path template, Optional<String> snapshot, Path absolute, Path parent) throws IOException {
        if (Files.exists(absolute, LinkOption.NOFOLLOW_LINKS)) {
            throw new FileAlreadyExistsException(absolute + " exists already; choose another name for the clone");
        }
        ChainFiles whole = ChainFiles.at(template, VfsImageDirectory::new);
        if (OverlayClone.concerns(whole)) {
            if (snapshot.isPresent()) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        template + ": a qcow2 image is cloned as it is now; image convert takes a snapshot");
            }
            return new Made(OverlayClone.make(whole, absolute), Optional.empty());
        }
        Source source = source(template, snapshot);
        Path partial = absolute.resolveSibling(absolute.getFileName() + PARTIAL);
        remove(partial);
        Files.createDirectory(partial);
        boolean done = false;
        try (ChainLocks locks = ChainLocks.take(source.files(), false)) {
            fill(source.files(), geometryOf(source.files()), source.guids(), new VfsImageDirectory(partial));
            Files.move(partial, absolute);
            new VfsImageDirectory(parent).sync();
            done = true;
        } finally {
            if (!done) {
                remove(partial);
            }
        }
        return new Made(ChainFiles.at(absolute, VfsImageDirectory::new), source.snapshot());
    }

    /** What is shared: the files of a frozen level and the names of the levels below it, base first. */
    private record Source(ChainFiles files, List<String> guids, Optional<String> snapshot) {}

    private Source source(Path template, Optional<String> snapshot) throws IOException {
        ChainFiles whole = ChainFiles.at(template, VfsImageDirectory::new);
        if (whole.descriptor().isEmpty()) {
            if (snapshot.isPresent()) {
                throw new ImageException(
                        ImageException.Kind.INVALID_REQUEST, template + ": a single file has no snapshots");
            }
            String format = whole.top().formatId();
            if (!format.equals(RawFormat.ID) && !format.equals(ExpandedFormat.ID)) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        template + ": a " + format
                                + " file cannot stand in a descriptor; make an overlay with 'qemu-img"
                                + " create -b', or convert it to an expanded image first");
            }
            return new Source(whole, List.of(Guid.of(newIds.get())), Optional.empty());
        }
        String level = frozen(whole, snapshot);
        List<String> guids = DiskDescriptor.read(whole.directory()).pathTo(level).stream()
                .map(Image::guid)
                .toList();
        return new Source(ChainFiles.level(template, level, VfsImageDirectory::new), guids, Optional.of(level));
    }

    /** The level to begin with: the one that is asked for, or the present content, frozen. */
    private String frozen(ChainFiles whole, Optional<String> snapshot) throws IOException {
        DiskDescriptor descriptor = whole.descriptor().orElseThrow();
        if (snapshot.isPresent()) {
            String guid = descriptor.requireShot(snapshot.get()).guid();
            if (guid.equals(descriptor.topGuid())) {
                throw new ImageException(
                        ImageException.Kind.INVALID_REQUEST,
                        guid + " is the level that is written to; leave the snapshot out to clone the present content");
            }
            return guid;
        }
        Shot top = descriptor.requireShot(descriptor.topGuid());
        if (!top.parentGuid().equals(Guid.NONE) && isEmpty(whole.top())) {
            ChainLocks.requireUnused(whole);
            return top.parentGuid();
        }
        return new SnapshotOperations(newIds).create(whole);
    }

    /** Whether nothing was ever written to a delta that was closed. */
    private static boolean isEmpty(ChainFiles.Link top) throws IOException {
        if (!top.formatId().equals(ExpandedFormat.ID)) {
            return false;
        }
        try (ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_ONLY)) {
            ExpandedHeader header = ExpandedFormat.readHeader(io);
            return !header.inUse() && io.size() <= header.dataStartBytes();
        }
    }

    /**
     * Makes an image of an empty folder: second names of {@code files}, the levels {@code guids} of the new image, base
     * first, an empty top above them, and a descriptor. The files are locked by the caller; all of it is durable on return.
     * Returns the name of the top.
     */
    String fill(ChainFiles files, DeltaGeometry geometry, List<String> guids, ImageDirectory folder)
            throws IOException {
        Set<String> taken = new HashSet<>();
        List<Image> chain = new ArrayList<>();
        for (int level = 0; level < guids.size(); level++) {
            ChainFiles.Link link = files.links().get(level);
            String name = taken.add(link.fileName()) ? link.fileName() : nameBeside(taken);
            link.directory().link(link.fileName(), folder, name);
            chain.add(new Image(guids.get(level), link.formatId(), name));
        }
        String top = nameBeside(taken);
        ChainSteps.makeDelta(folder, top, geometry, ChainSteps.versionIn(folder, chain));
        chain.add(new Image(Guid.TOP, ExpandedFormat.ID, top));
        DiskDescriptor.ofChain(folder.name() + "/" + DiskDescriptor.FILE_NAME, geometry, chain)
                .store(folder);
        return top;
    }

    private String nameBeside(Set<String> taken) {
        String name = LONE_DELTA + "." + Guid.of(newIds.get());
        taken.add(name);
        return name;
    }

    /** What a level on top of closed files has. */
    static DeltaGeometry geometryOf(ChainFiles source) throws IOException {
        ChainFiles.Link top = source.top();
        if (top.formatId().equals(ExpandedFormat.ID)) {
            try (ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_ONLY)) {
                if (ExpandedFormat.readHeader(io).inUse()) {
                    throw new ImageException(
                            ImageException.Kind.NOT_CLOSED,
                            io.name()
                                    + ": was not closed; attach and detach it, or run image check, before it is cloned");
                }
            }
        }
        try (ImageChain chain = ImageChain.open(source, OpenIntent.READ, AllocationCursor.transientCursor())) {
            DeltaGeometry geometry = chain.top().geometry();
            if (chain.top().identityMapped() && geometry.diskSizeBytes() % geometry.clusterSizeBytes() != 0) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        source.name() + ": a raw image of " + geometry.diskSizeBytes()
                                + " bytes does not end with a cluster of " + geometry.clusterSizeBytes()
                                + "; resize it, or convert it to an expanded image");
            }
            return geometry;
        }
    }

    /** What an earlier attempt left; a folder of files only, or nothing is touched. */
    private static void remove(Path partial) throws IOException {
        if (!Files.isDirectory(partial, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        List<Path> inside;
        try (Stream<Path> files = Files.list(partial)) {
            inside = files.toList();
        }
        for (Path file : inside) {
            Files.delete(Objects.requireNonNull(file));
        }
        Files.delete(partial);
    }
}
