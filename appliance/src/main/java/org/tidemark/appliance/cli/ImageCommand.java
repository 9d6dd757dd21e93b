package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.ImageService;
import org.tidemark.appliance.service.Qcow2Facts;
import org.tidemark.appliance.service.RootTree;
import org.tidemark.backup.engine.NewImage;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainLocks;
import org.tidemark.ploop.chain.ImageLayout;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.chain.OwnerRecord;
import org.tidemark.ploop.check.ExpandedUsage;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.filesystem.FileSystemType;
import org.tidemark.ploop.format.Formats;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.partition.Ext4Summary;
import org.tidemark.ploop.partition.GuidPartitionTable;
import org.tidemark.ploop.partition.Partition;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark image ...}: images as files. */
@Command(
        name = "image",
        description = "Make, inspect, check and convert images. Works on files; needs no server.",
        mixinStandardHelpOptions = true,
        subcommands = {
            ImageCommand.Create.class,
            ImageCommand.Info.class,
            ImageCheckCommand.class,
            ImageCommand.Convert.class,
            ImageBitmapCommand.class,
            ImageCloneCommand.class,
            ImageResizeCommand.class,
            ImageSpaceCommands.Compact.class,
            ImageSpaceCommands.MapCommand.class,
            RestoreDescriptorCommand.class,
            BreakLockCommand.class
        })
final class ImageCommand {

    @Command(
            name = "create",
            description = "Make an image: a folder with DiskDescriptor.xml and one expanded delta, or a single file.",
            mixinStandardHelpOptions = true)
    static final class Create implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(
                paramLabel = "IMAGE",
                converter = ImagePlaces.class,
                description = "Where to put it; a path, or nfs://SERVER/EXPORT/IMAGE.")
        private ImagePlace place = ImagePlace.of("");

        @Option(
                names = "--size",
                required = true,
                converter = Sizes.class,
                description = "Size of the disk, such as 4G.")
        private long sizeBytes;

        @Option(
                names = "--cluster",
                converter = Sizes.class,
                description = "Cluster size (1M for expanded, 64K for qcow2).")
        private long clusterBytes;

        @Option(
                names = "--format",
                converter = FormatName.class,
                defaultValue = "expanded",
                description = "expanded, qcow2 or raw (the last two are single files).")
        private String format = "expanded";

        @Mixin
        private ExpandedOptions expanded = new ExpandedOptions();

        @Option(names = "--single-file", description = "A single file instead of a folder with a descriptor.")
        private boolean singleFile;

        @Option(names = "--no-partition", description = "Leave out the partition table.")
        private boolean bare;

        @Option(
                names = "--fs",
                description = "Put an empty ext4, xfs or btrfs on it (attaches the image for a moment).")
        private @Nullable String fileSystem;

        @Option(
                names = "--from",
                paramLabel = "DIR",
                description = "Put these files on it: a directory tree, an OCI bundle, or an OCI image layout"
                        + " (attaches the image for a moment). The file system is ext4 unless --fs says otherwise.")
        private @Nullable Path from;

        @Override
        public Integer call() throws IOException {
            Path source = from;
            FileSystemType type = fileSystem != null
                    ? FileSystemType.byName(fileSystem)
                    : source != null ? FileSystemType.EXT4 : null;
            long cluster = clusterBytes == 0 ? ImageService.usualClusterBytes(format) : clusterBytes;
            if (cluster != Formats.byId(format).nearestClusterSize((int) Math.min(cluster, Integer.MAX_VALUE))) {
                throw new IllegalArgumentException("an image of the format " + format
                        + " cannot have clusters of " + cluster + " bytes; powers of two from 32K to 64M are"
                        + " possible for expanded, from 512 to 2M for qcow2");
            }
            NewImage.Layout layout =
                    singleFile || !format.equals("expanded") ? NewImage.Layout.FILE : NewImage.Layout.FOLDER;
            ImageService.Wanted wanted = new ImageService.Wanted(
                    place, layout, format, sizeBytes, Math.toIntExact(cluster), !bare, type, expanded.layout(format));
            if (type != null && source != null) {
                fill(wanted, type, source);
            } else {
                ImageService.create(wanted);
            }
            if (type != null && source == null) {
                try (DataPlane plane = DataPlane.connect(System.getenv())) {
                    ImageService.makeFileSystem(plane, place, type);
                }
            }
            output.object(fields("image", place.toString(), "sizeBytes", sizeBytes, "format", format));
            return ExitCodes.DONE;
        }

        private void fill(ImageService.Wanted wanted, FileSystemType type, Path source) throws IOException {
            RootTree tree = RootTree.at(source);
            try (DataPlane plane = DataPlane.connect(System.getenv());
                    ProgressBar bar = new ProgressBar("copying", !output.isJson())) {
                ImageService.createFrom(plane, wanted, type, tree, written -> bar.at(written, Long.MAX_VALUE, ""));
            }
        }
    }

    @Command(name = "info", description = "Tell what an image is.", mixinStandardHelpOptions = true)
    static final class Info implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(
                paramLabel = "IMAGE",
                converter = ImagePlaces.class,
                description = "A folder with DiskDescriptor.xml, or a single file; or nfs://SERVER/EXPORT/IMAGE.")
        private ImagePlace place = ImagePlace.of("");

        @Override
        public Integer call() throws IOException {
            ChainFiles files = AttachedImage.filesOf(place);
            ImageLayout layout = ImageLayout.of(files);
            try (AttachedImage image = openReadOnly(files)) {
                long[] allocated = {0};
                image.extents(0, image.sizeBytes(), (offset, length, zero) -> allocated[0] += zero ? 0 : length);
                List<Map<String, Object>> partitions = new ArrayList<>();
                for (Partition one : GuidPartitionTable.read(image)
                        .map(GuidPartitionTable::partitions)
                        .orElse(List.of())) {
                    partitions.add(Map.of("offsetBytes", one.offsetBytes(), "lengthBytes", one.lengthBytes()));
                }
                List<String> deltas = files.links().stream()
                        .map(link -> link.fileName() + " (" + link.formatId() + ")")
                        .toList();
                output.object(fields(
                        "image",
                        files.name(),
                        "layout",
                        layout.folder() ? "folder" : "file",
                        "format",
                        layout.formatId(),
                        "sizeBytes",
                        image.sizeBytes(),
                        "clusterBytes",
                        layout.clusterBytes(),
                        "allocatedBytes",
                        allocated[0],
                        "files",
                        usage(files),
                        "deltas",
                        deltas,
                        "partitions",
                        partitions,
                        "fileSystem",
                        fileSystem(image),
                        "snapshots",
                        Qcow2Facts.snapshots(files),
                        "bitmaps",
                        Qcow2Facts.bitmaps(files)));
            }
            return ExitCodes.DONE;
        }
    }

    /** How full an ext4 is, as it says on the disk, and what its balloon file keeps from the container; else nothing. */
    private static @Nullable Map<String, @Nullable Object> fileSystem(AttachedImage image) throws IOException {
        long offset = GuidPartitionTable.read(image)
                .flatMap(table -> table.partitions().stream().findFirst())
                .map(Partition::offsetBytes)
                .orElse(0L);
        return Ext4Summary.read(image, offset)
                .map(summary -> fields(
                        "type",
                        FileSystemType.EXT4.mountName(),
                        "sizeBytes",
                        summary.sizeBytes(),
                        "freeBytes",
                        summary.freeBytes(),
                        "balloonBytes",
                        summary.balloonBytes()))
                .orElse(null);
    }

    /** What the expanded files of a chain have, and waste. */
    private static List<Map<String, Object>> usage(ChainFiles files) throws IOException {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (ChainFiles.Link link : files.links()) {
            try (ImageIo io = link.directory().open(link.fileName(), OpenMode.READ_ONLY)) {
                if (!link.formatId().equals(ExpandedFormat.ID)) {
                    rows.add(Map.of("file", link.fileName(), "fileBytes", io.size()));
                    continue;
                }
                ExpandedUsage usage = ExpandedUsage.of(io);
                rows.add(Map.of(
                        "file",
                        link.fileName(),
                        "fileBytes",
                        io.size(),
                        "formatVersion",
                        usage.formatVersion(),
                        "allocatedClusters",
                        usage.allocatedClusters(),
                        "wastedClusters",
                        usage.unusedClusters(),
                        "fragmentedPercent",
                        usage.fragmentedPercent()));
            }
        }
        return rows;
    }

    /** Opens without locks: information about an image in use is worth having too. */
    static AttachedImage openReadOnly(ChainFiles files) throws IOException {
        return AttachedImage.open(
                files,
                AttachedImage.Use.READ_ONLY,
                StateArea.inMemory(),
                () -> {},
                false,
                OwnerRecord.ofCommand(),
                UUID::randomUUID);
    }

    @Command(
            name = "convert",
            description =
                    "Copy an image into a new one of another format, keeping holes. The source must not be in use.",
            mixinStandardHelpOptions = true)
    static final class Convert implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(
                index = "0",
                paramLabel = "SRC",
                converter = ImagePlaces.class,
                description = "The image to read; a path, or nfs://SERVER/EXPORT/IMAGE.")
        private ImagePlace source = ImagePlace.of("");

        @Parameters(
                index = "1",
                arity = "0..1",
                paramLabel = "DST",
                converter = ImagePlaces.class,
                description = "The image to make; nothing may be there. On NFS always expanded, in a folder. Not with"
                        + " --in-place.")
        private @Nullable ImagePlace destination;

        @Option(names = "--to", converter = FormatName.class, description = "expanded, qcow2 or raw.")
        private @Nullable String format;

        @Mixin
        private ExpandedOptions expanded = new ExpandedOptions();

        @Option(
                names = "--in-place",
                description = "Rewrite the tables of an expanded image in the version of --format-version; data stays"
                        + " where it is. Started again after a crash, it goes back first.")
        private boolean inPlace;

        @Option(names = "--single-file", description = "A single file instead of a folder (qcow2 and raw always are).")
        private boolean singleFile;

        @Option(
                names = "--snapshot",
                paramLabel = "SNAPSHOT",
                description = "Of a qcow2 image: copy this internal snapshot (id or name; image info lists them).")
        private @Nullable String snapshot;

        @Override
        public Integer call() throws IOException {
            ChainFiles files = AttachedImage.filesOf(source);
            ImagePlace target = destination;
            String to = format;
            if (inPlace) {
                source.requireHost("is not converted in place");
                if (target != null || !(to == null || to.equals("expanded"))) {
                    throw new IllegalArgumentException("--in-place changes the version of an expanded image; it makes"
                            + " no other image and no other format");
                }
                ExpandedVersion version = expanded.layout("expanded").version();
                ImageService.convertInPlace(files, version);
                output.object(fields("image", files.name(), "formatVersion", version.number()));
                return ExitCodes.DONE;
            }
            if (target == null || to == null) {
                throw new IllegalArgumentException(
                        "tell the image to make and its format, --to expanded, --to qcow2 or --to raw");
            }
            NewImage.Layout layout =
                    singleFile || !to.equals("expanded") ? NewImage.Layout.FILE : NewImage.Layout.FOLDER;
            ChainLocks.requireUnused(files);
            try (ProgressBar bar = new ProgressBar("converting", !output.isJson())) {
                long size = ImageService.convert(
                        source,
                        snapshot,
                        target,
                        layout,
                        to,
                        expanded.layout(to),
                        at -> bar.at(at, Long.MAX_VALUE, ""));
                bar.close();
                output.object(fields("image", target.toString(), "sizeBytes", size, "format", to));
            }
            return ExitCodes.DONE;
        }
    }
}
