package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.engine.NewImage;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainLocks;
import org.tidemark.ploop.chain.ImageChain;
import org.tidemark.ploop.chain.ImageLayout;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.chain.NfsImage;
import org.tidemark.ploop.chain.OwnerRecord;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.filesystem.FileSystemType;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedLayout;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.format.expanded.VersionConversion;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.NfsLocation;
import org.tidemark.ploop.partition.GuidPartitionTable;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;

/** Makes and converts images. */
public final class ImageService {
    /** Of what tells apart several that make an image of one name. */
    private static final int MARK_LENGTH = 8;

    private static final Duration DETACH_LIMIT = Duration.ofSeconds(30);
    private static final int COPY_BYTES = 1 << 20;
    private static final String FILLING = ".tidemark-filling";

    private ImageService() {}

    /**
     * What to create.
     *
     * @param partitioned whether it gets a GPT with one partition, as container images have
     */
    public record Wanted(
            ImagePlace place,
            NewImage.Layout layout,
            String formatId,
            long sizeBytes,
            int clusterBytes,
            boolean partitioned,
            @Nullable FileSystemType fileSystem,
            ExpandedLayout expandedLayout) {
        /** In the usual layout. */
        public Wanted(
                ImagePlace place,
                NewImage.Layout layout,
                String formatId,
                long sizeBytes,
                int clusterBytes,
                boolean partitioned,
                @Nullable FileSystemType fileSystem) {
            this(place, layout, formatId, sizeBytes, clusterBytes, partitioned, fileSystem, ExpandedLayout.USUAL);
        }

        Wanted at(Path other) {
            return new Wanted(
                    ImagePlace.of(other),
                    layout,
                    formatId,
                    sizeBytes,
                    clusterBytes,
                    partitioned,
                    fileSystem,
                    expandedLayout);
        }
    }

    /** Makes an image without a file system. Nothing of it is left when it fails. */
    public static void create(Wanted wanted) throws IOException {
        Optional<NfsLocation> there = wanted.place().nfs();
        if (there.isPresent()) {
            createOnNfs(there.get(), wanted.layout(), folder -> layOut(folder, wanted));
            return;
        }
        NewImage image = NewImage.create(
                path(wanted),
                wanted.layout(),
                wanted.formatId(),
                wanted.sizeBytes(),
                wanted.clusterBytes(),
                wanted.expandedLayout());
        boolean done = false;
        try {
            if (wanted.partitioned()) {
                partition(image.device(), wanted);
            }
            image.finish();
            done = true;
        } finally {
            if (!done) {
                image.abandon();
            }
        }
    }

    private static Path path(Wanted wanted) throws ImageException {
        return wanted.place().requireHost("cannot be made with files in it");
    }

    private static void partition(BlockDevice device, Wanted wanted) throws IOException {
        GuidPartitionTable.forContainer(device.sizeBytes(), wanted.clusterBytes(), UUID.randomUUID(), UUID.randomUUID())
                .write(device);
    }

    /** What is done in the folder of a new image. */
    @FunctionalInterface
    private interface FolderFilling {
        /** Durable on return. */
        void fill(ImageDirectory folder) throws IOException;
    }

    /** It gets its name when all of it is durable. Nobody else who makes one of that name is disturbed. */
    private static void createOnNfs(NfsLocation location, NewImage.Layout layout, FolderFilling filling)
            throws IOException {
        if (layout != NewImage.Layout.FOLDER) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    location + ": on NFS only a folder with an expanded delta can be made");
        }
        try (NfsImage image = NfsImage.forCommand(location)) {
            try {
                createIn(image, location, filling);
            } catch (OsException e) {
                throw image.inWords(e);
            }
        }
    }

    private static void createIn(NfsImage image, NfsLocation location, FolderFilling filling) throws IOException {
        ImageDirectory parent = image.parent();
        String partial = image.partialName(UUID.randomUUID().toString().substring(0, MARK_LENGTH));
        if (parent.exists(image.name())) {
            throw new FileAlreadyExistsException(location + " exists already; choose another name");
        }
        try {
            filling.fill(parent.createFolder(partial));
            parent.rename(partial, image.name());
            parent.sync();
        } catch (IOException | RuntimeException e) {
            discard(image, partial, e);
            throw e;
        }
    }

    private static void discard(NfsImage image, String partial, Exception why) {
        try {
            image.discardPartial(partial);
        } catch (IOException | RuntimeException discarding) {
            why.addSuppressed(discarding);
        }
    }

    private static void layOut(ImageDirectory folder, Wanted wanted) throws IOException {
        ChainFiles files = ChainFiles.create(
                folder, NewImage.DELTA, wanted.sizeBytes(), wanted.clusterBytes(), wanted.expandedLayout());
        if (wanted.partitioned()) {
            try (AttachedImage image = openForWriting(files)) {
                partition(image, wanted);
            }
        }
    }

    private static AttachedImage openForWriting(ChainFiles files) throws IOException {
        return AttachedImage.open(
                files,
                AttachedImage.Use.READ_WRITE,
                StateArea.inMemory(),
                ChainLocks.take(files, true),
                false,
                OwnerRecord.ofCommand(),
                UUID::randomUUID);
    }

    /** The cluster size that images of a format usually have. */
    public static int usualClusterBytes(String formatId) {
        return formatId.equals(Qcow2Format.ID) ? Qcow2Format.USUAL_CLUSTER_BYTES : ChainFiles.RAW_CLUSTER_BYTES;
    }

    /** Puts an empty file system on an image's partition, or on the whole disk when it has none. */
    public static void makeFileSystem(DataPlane plane, ImagePlace image, FileSystemType type) throws IOException {
        AttachedDevice device = plane.attach(image, DataPlane.AttachOptions.FOR_ONE_JOB);
        try {
            type.make(Path.of(device.blockDevice()), device.sizeBytes());
            if (plane.layout(device).folder()) {
                makeBalloon(Path.of(device.blockDevice()), type);
            }
        } finally {
            plane.detachUnmounted(device, DETACH_LIMIT);
        }
    }

    /** The empty hidden file that other tools for such images look for, and fill to keep space from the container. */
    private static void makeBalloon(Path block, FileSystemType type) throws IOException {
        if (type != FileSystemType.EXT4) {
            return;
        }
        Path folder = Files.createTempDirectory("tidemark-balloon");
        try {
            Mounts.mount(block.toString(), folder, type.mountName(), Mounts.NO_DEV | Mounts.NO_SUID, null);
            try {
                BalloonFile.make(folder);
            } finally {
                Mounts.unmount(folder);
            }
        } finally {
            Files.delete(folder);
        }
    }

    /**
     * Makes an image with a file system that holds a directory tree. It gets its name when everything is in it; nothing of it
     * is left when this fails.
     *
     * @param written is told the bytes written so far
     */
    public static void createFrom(
            DataPlane plane, Wanted wanted, FileSystemType type, RootTree tree, LongConsumer written)
            throws IOException {
        Path absolute = path(wanted).toAbsolutePath().normalize();
        if (Files.exists(absolute, LinkOption.NOFOLLOW_LINKS)) {
            throw new FileAlreadyExistsException(absolute + " exists already; choose another name");
        }
        Path filling = absolute.resolveSibling(absolute.getFileName() + FILLING);
        NewImage.discard(filling);
        boolean done = false;
        try {
            create(wanted.at(filling));
            AttachedDevice device = plane.attach(filling, DataPlane.AttachOptions.FOR_ONE_JOB);
            Path scratch = Files.createTempDirectory("tidemark-fill");
            try {
                Path block = Path.of(device.blockDevice());
                type.make(block, device.sizeBytes());
                tree.copyTo(block, type, scratch, written);
                if (wanted.layout() == NewImage.Layout.FOLDER) {
                    makeBalloon(block, type);
                }
            } finally {
                Files.delete(scratch);
                plane.detachUnmounted(device, DETACH_LIMIT);
            }
            NewImage.rename(filling, absolute);
            done = true;
        } finally {
            if (!done) {
                NewImage.discard(filling);
            }
        }
    }

    /**
     * Copies an image that nobody writes to into a new one of another format, keeping holes.
     *
     * @param snapshot an internal snapshot of a qcow2 image to be copied instead of its present content, or null
     */
    public static long convert(
            ImagePlace source,
            @Nullable String snapshot,
            ImagePlace destination,
            NewImage.Layout layout,
            String formatId,
            ExpandedLayout expandedLayout,
            LongConsumer progress)
            throws IOException {
        ChainFiles files = AttachedImage.filesOf(source);
        ImageLayout layoutNow = ImageLayout.of(files);
        int cluster = formatId.equals(layoutNow.formatId()) ? layoutNow.clusterBytes() : usualClusterBytes(formatId);
        try (ChainLocks locks = ChainLocks.take(files, false);
                BlockDevice from = openForReading(files, snapshot)) {
            Optional<NfsLocation> there = destination.nfs();
            if (there.isPresent()) {
                createOnNfs(there.get(), layout, folder -> copyInto(folder, from, cluster, expandedLayout, progress));
                return from.sizeBytes();
            }
            Path path = destination.requireHost("is no file");
            NewImage to = NewImage.create(path, layout, formatId, from.sizeBytes(), cluster, expandedLayout);
            boolean done = false;
            try {
                copy(from, to::write, progress);
                to.finish();
                done = true;
            } finally {
                if (!done) {
                    to.abandon();
                }
            }
            return from.sizeBytes();
        }
    }

    private static void copyInto(
            ImageDirectory folder,
            BlockDevice from,
            int clusterBytes,
            ExpandedLayout expandedLayout,
            LongConsumer progress)
            throws IOException {
        ChainFiles files = ChainFiles.create(folder, NewImage.DELTA, from.sizeBytes(), clusterBytes, expandedLayout);
        AlignedBuffer buffer = AlignedBuffer.allocate(COPY_BYTES);
        try (AttachedImage to = openForWriting(files)) {
            copy(
                    from,
                    (at, data) -> {
                        int bytes = data.remaining();
                        int sectors = (bytes + DeltaGeometry.SECTOR_BYTES - 1) / DeltaGeometry.SECTOR_BYTES;
                        int padded = sectors * DeltaGeometry.SECTOR_BYTES;
                        buffer.zero(bytes, padded - bytes);
                        buffer.bytes().put(0, data, data.position(), bytes);
                        to.write(at, buffer, 0, padded);
                    },
                    progress);
        }
    }

    private static BlockDevice openForReading(ChainFiles files, @Nullable String snapshot) throws IOException {
        if (snapshot == null) {
            return AttachedImage.open(
                    files,
                    AttachedImage.Use.READ_ONLY,
                    StateArea.inMemory(),
                    () -> {},
                    false,
                    OwnerRecord.ofCommand(),
                    UUID::randomUUID);
        }
        return new PloopDevice(
                files.name() + " at " + snapshot,
                ImageChain.openAtInternalSnapshot(files, snapshot).deltas(),
                StateArea.inMemory(),
                null,
                PloopDevice.DEFAULT_MAP_SLOTS);
    }

    /** Where a copy goes. */
    @FunctionalInterface
    private interface Destination {
        void write(long offsetBytes, ByteBuffer data) throws IOException;
    }

    private static void copy(BlockDevice from, Destination to, LongConsumer progress) throws IOException {
        AlignedBuffer buffer = AlignedBuffer.allocate(COPY_BYTES);
        from.extents(0, from.sizeBytes(), (offset, length, zero) -> {
            for (long at = offset; !zero && at < offset + length; at += COPY_BYTES) {
                int piece = (int) Math.min(COPY_BYTES, offset + length - at);
                from.read(at, buffer, 0, piece);
                if (!buffer.isZero(0, piece)) {
                    ByteBuffer data = buffer.bytes().duplicate().limit(piece).position(0);
                    to.write(at, data);
                }
            }
            progress.accept(offset + length);
        });
    }

    /**
     * Rewrites the tables of an image in another version of the expanded format; data stays where it is. Started again after
     * a crash it goes back first.
     *
     * @throws ImageException IN_USE while somebody has a file open, UNSUPPORTED for files of another format
     */
    public static void convertInPlace(ChainFiles files, ExpandedVersion version) throws IOException {
        List<VersionConversion.Place> places = new ArrayList<>();
        List<ImageLock> locks = new ArrayList<>();
        try {
            for (ChainFiles.Link link : files.links()) {
                locks.add(link.directory().lock(link.fileName(), true));
                if (!link.formatId().equals(ExpandedFormat.ID)) {
                    throw new ImageException(
                            ImageException.Kind.UNSUPPORTED,
                            link.fileName() + ": is " + link.formatId() + "; only expanded files have versions");
                }
                ChainLocks.requireOwn(link.directory(), link.fileName());
                places.add(new VersionConversion.Place(link.directory(), link.fileName()));
            }
            VersionConversion.run(places, version);
        } finally {
            for (ImageLock lock : locks) {
                lock.close();
            }
        }
    }
}
