package org.tidemark.appliance.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.DeviceMount;
import org.tidemark.appliance.service.ImageService;
import org.tidemark.appliance.service.SnapshotMounts;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainLocks;
import org.tidemark.ploop.chain.DiskDescriptor;
import org.tidemark.ploop.chain.Guid;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.chain.LostDescriptor;
import org.tidemark.ploop.chain.OwnerRecord;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.CheckReport;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.filesystem.FileSystemType;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.os.Mounts;
import org.tidemark.ploop.partition.GuidPartitionTable;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;
import org.tidemark.ploop.server.Fields;

/** The ploop tool's verbs for images and devices. */
final class PloopImageVerbs {
    private static final Duration DETACH_LIMIT = Duration.ofSeconds(60);
    private static final int USUAL_CLUSTER_SECTORS = 2048;
    private static final int MAX_CLUSTER_SECTORS = 131_072;
    private static final int SECTOR_BYTES = DeltaGeometry.SECTOR_BYTES;

    private final PrintWriter out;

    PloopImageVerbs(PrintWriter out) {
        this.out = out;
    }

    private static PloopException usage(String text) {
        return new PloopException(PloopException.PARAMETER, "Usage: ploop " + text);
    }

    /** A number without a unit is one of sectors. */
    static long sizeBytes(String text) {
        long size = new Sizes().convert(text);
        return text.matches("[0-9]+") ? Math.multiplyExact(size, SECTOR_BYTES) : size;
    }

    int init(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse("s:b:B:f:v:t:n", Map.of("nolazy", 'n'), rest);
        words.refuse("init", "Bn");
        String delta = words.operand("Usage: ploop init -s SIZE [-b BLOCKSIZE] [-t FSTYPE] NEW_DELTA");
        requireExpanded(words.value('f'), "init");
        if (!words.value('v').orElse("2").equals("2")) {
            throw new PloopException(
                    PloopException.PARAMETER,
                    "'ploop init -v " + words.value('v').orElse("") + "' is not supported");
        }
        String type = words.value('t').orElse("ext4");
        FileSystemType fileSystem = type.equals("none") ? null : FileSystemType.byName(type);
        long size = sizeBytes(words.value('s').orElseThrow(() -> usage("init -s SIZE NEW_DELTA")));
        int clusterBytes = clusterSectors(words.value('b')) * SECTOR_BYTES;
        Path path = Path.of(delta).toAbsolutePath();
        Path folder = path.getParent();
        if (folder == null || Files.exists(path)) {
            throw new PloopException(PloopException.OPEN, delta + ": File exists");
        }
        ChainFiles.create(new VfsImageDirectory(folder), String.valueOf(path.getFileName()), size, clusterBytes);
        if (fileSystem != null) {
            partition(folder, clusterBytes);
            try (DataPlane plane = DataPlane.connect(System.getenv())) {
                ImageService.makeFileSystem(plane, ImagePlace.of(folder), fileSystem);
            }
        }
        return 0;
    }

    private static int clusterSectors(Optional<String> text) throws PloopException {
        try {
            int sectors = Integer.parseInt(text.orElse(Integer.toString(USUAL_CLUSTER_SECTORS)));
            if (sectors > 0 && sectors <= MAX_CLUSTER_SECTORS) {
                return sectors;
            }
        } catch (NumberFormatException e) {
            throw new PloopException(PloopException.PARAMETER, "Invalid blocksize specified: " + text.orElse(""));
        }
        throw new PloopException(PloopException.PARAMETER, "Invalid blocksize specified: " + text.orElse(""));
    }

    private static void requireExpanded(Optional<String> format, String verb) throws PloopException {
        String wanted = format.orElse("expanded");
        if (!wanted.equals("expanded") && !wanted.equals("ploop1")) {
            throw new PloopException(
                    PloopException.PARAMETER, "'ploop " + verb + " -f " + wanted + "' is not supported by tidemark");
        }
    }

    private static void partition(Path folder, int clusterBytes) throws IOException {
        ChainFiles files = AttachedImage.filesOf(folder);
        try (AttachedImage image = AttachedImage.open(
                files,
                AttachedImage.Use.READ_WRITE,
                StateArea.inMemory(),
                ChainLocks.take(files, true),
                false,
                OwnerRecord.ofCommand(),
                UUID::randomUUID)) {
            GuidPartitionTable.forContainer(image.sizeBytes(), clusterBytes, UUID.randomUUID(), UUID.randomUUID())
                    .write(image);
        }
    }

    int check(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse(
                "fFcrsdRb:Su:",
                Map.of(
                        "force", 'f',
                        "hard-force", 'F',
                        "check", 'c',
                        "ro", 'r',
                        "silent", 's',
                        "drop-inuse", 'd',
                        "raw", 'R',
                        "blocksize", 'b',
                        "repair-sparse", 'S',
                        "uuid", 'u'),
                rest);
        words.refuse("check", "dRbSu");
        String what = words.operand("Usage: ploop check [-fFcrs] { DELTA | DiskDescriptor.xml }");
        if (!Files.exists(Path.of(what))) {
            throw new PloopException(PloopException.OPEN, "can't open " + what + ": No such file or directory");
        }
        CheckReport report = ChainCheck.run(AttachedImage.filesOf(Path.of(what)));
        boolean inUse = false;
        for (Finding finding : report.findings()) {
            inUse |= finding instanceof Finding.MarkedInUse;
            if (!words.has('s') || report.damaged()) {
                out.println(finding.describe());
            }
        }
        if (report.damaged()) {
            return PloopException.FORMAT;
        }
        return inUse ? PloopException.IN_USE : 0;
    }

    int info(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse("sd", Map.of(), rest);
        Path image = PloopSnapshotVerbs.imageOf(words.operand("Usage: ploop info [-s] [-d] DiskDescriptor.xml"));
        ChainFiles files = AttachedImage.filesOf(image);
        DeltaGeometry geometry = files.descriptor()
                .orElseThrow(() -> new PloopException(PloopException.DESCRIPTOR, image + ": has no descriptor"))
                .geometry();
        if (words.has('s')) {
            out.println("size:\t\t" + geometry.diskSizeBytes() / SECTOR_BYTES);
            out.println("blocksize:\t" + geometry.clusterSizeBytes() / SECTOR_BYTES);
            out.println("fmt_version:\t" + versionOf(files.top()));
        }
        if (words.has('d')) {
            device(image).ifPresent(device -> out.println("device:\t\t" + device.blockDevice()));
        }
        if (!words.has('s') && !words.has('d')) {
            usage(image);
        }
        return 0;
    }

    /** The file system inside, while it is mounted. */
    private void usage(Path image) throws IOException {
        Path where = device(image).stream()
                .flatMap(device -> mountPoints(device).stream())
                .findFirst()
                .orElseThrow(() -> new PloopException(
                        PloopException.NOT_MOUNTED,
                        "Image " + image + " is not mounted, and so nobody knows its usage"));
        Mounts.Space space = Mounts.space(where);
        row("resource", "Size", "Used");
        row("1k-blocks", kibibytes(space.sizeBytes()), kibibytes(space.sizeBytes() - space.freeBytes()));
        row("inodes", Long.toString(space.inodes()), Long.toString(space.inodes() - space.freeInodes()));
    }

    private static String kibibytes(long bytes) {
        return Long.toString(bytes >> 10);
    }

    private void row(String resource, String size, String used) {
        out.println(String.format(Locale.ROOT, "%11s %14s %14s", resource, size, used));
    }

    private static List<Path> mountPoints(AttachedDevice device) {
        try {
            return DataPlane.mountPoints(device);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Optional<AttachedDevice> device(Path image) throws IOException {
        Optional<DataPlane> running = DataPlane.connectIfRunning(System.getenv());
        if (running.isEmpty()) {
            return Optional.empty();
        }
        try (DataPlane plane = running.get()) {
            return plane.find(image.toString());
        }
    }

    private static int versionOf(ChainFiles.Link top) throws IOException {
        if (!top.formatId().equals(ExpandedFormat.ID)) {
            return ExpandedVersion.V2.number();
        }
        try (ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_ONLY)) {
            return ExpandedFormat.readHeader(io).version().number();
        }
    }

    int list(List<String> rest) throws IOException {
        boolean all = PloopWords.parse("a", Map.of(), rest).has('a');
        Optional<DataPlane> running = DataPlane.connectIfRunning(System.getenv());
        if (running.isPresent()) {
            try (DataPlane plane = running.get()) {
                for (AttachedDevice device : plane.devices()) {
                    String where = all
                            ? "\t"
                                    + DataPlane.mountPoints(device).stream()
                                            .findFirst()
                                            .map(Path::toString)
                                            .orElse("")
                            : "";
                    out.println(Path.of(device.blockDevice()).getFileName() + "\t" + device.image() + where);
                }
            }
        }
        return 0;
    }

    int restoreDescriptor(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse("f:b:", Map.of(), rest);
        if (words.operands().size() != 2) {
            throw usage("restore-descriptor [-f FORMAT] [-b BLOCKSIZE] IMAGE_DIR BASE_DELTA");
        }
        String format = words.value('f').orElse(null);
        if (format != null && !format.equals(RawFormat.ID)) {
            requireExpanded(words.value('f'), "restore-descriptor");
            format = ExpandedFormat.ID;
        }
        int clusterBytes = words.has('b') ? clusterSectors(words.value('b')) * SECTOR_BYTES : 0;
        Path folder = Path.of(words.operands().get(0));
        try {
            LostDescriptor.restore(folder, Path.of(words.operands().get(1)), format, clusterBytes);
        } catch (FileAlreadyExistsException e) {
            throw new PloopException(
                    PloopException.PARAMETER,
                    "Can't create " + folder.resolve(DiskDescriptor.FILE_NAME) + ": File exists");
        }
        return 0;
    }

    int mount(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse("rm:u:d:f:b:t:o:F", Map.of(), rest);
        words.refuse("mount", "dfboF");
        String usage = "Usage: ploop mount [-r] [-m MOUNT_POINT] BASE_DELTA [ ... TOP_DELTA ]\n"
                + "       ploop mount [-r] [-m MOUNT_POINT] [-u UUID] DiskDescriptor.xml";
        if (words.operands().isEmpty() || (words.operands().size() > 1 && words.has('u'))) {
            throw new PloopException(PloopException.PARAMETER, usage);
        }
        Optional<PloopLevels> levels = levels(words);
        Path image = levels.isPresent()
                ? levels.get().image()
                : PloopSnapshotVerbs.imageOf(words.operands().get(0));
        Path where = words.value('m').map(Path::of).orElse(null);
        if (where != null && !Files.isDirectory(where)) {
            throw new PloopException(PloopException.PARAMETER, "mount point " + where + " does not exist");
        }
        try (DataPlane plane = DataPlane.connect(System.getenv())) {
            if (words.has('u') || (levels.isPresent() && !levels.get().top())) {
                String level = words.value('u')
                        .orElseGet(() -> levels.map(PloopLevels::highest).orElse(""));
                mountLevel(plane, image, level, where);
                return 0;
            }
            AttachedDevice device = plane.attach(
                    image, new DataPlane.AttachOptions(null, words.has('r'), false, false, false, Fields.NONE));
            out.println("Adding delta dev=" + device.blockDevice() + " img=" + image + " ("
                    + (words.has('r') ? "ro" : "rw") + ")");
            if (where != null) {
                DeviceMount.mount(plane, device, where, words.has('r'));
                out.println("Mounting " + device.blockDevice() + " at " + where);
            }
            return 0;
        }
    }

    /** Of files that are given one by one: all of an image's, or all below a snapshot, which can be read only. */
    private static Optional<PloopLevels> levels(PloopWords words) throws IOException {
        List<Path> files = words.operands().stream().map(Path::of).toList();
        if (files.get(0).toString().endsWith(".xml") || Files.isDirectory(files.get(0))) {
            if (files.size() > 1) {
                throw new PloopException(PloopException.PARAMETER, "there is one DiskDescriptor.xml, and nothing else");
            }
            return Optional.empty();
        }
        Optional<PloopLevels> levels = PloopLevels.of(files);
        if (levels.isEmpty() && files.size() == 1) {
            return levels;
        }
        if (levels.isEmpty() || !levels.get().whole()) {
            throw new PloopException(
                    PloopException.PARAMETER,
                    "'ploop mount' of files that are not the levels of one image, from its base on, is not supported by"
                            + " tidemark: nothing says what they stand on");
        }
        if (!levels.get().top() && !words.has('r')) {
            throw new PloopException(
                    PloopException.PARAMETER,
                    "'ploop mount' of a snapshot for writing is not supported by tidemark: it would change; use -r, or"
                            + " mount the image");
        }
        return levels;
    }

    private void mountLevel(DataPlane plane, Path image, String text, @Nullable Path where) throws IOException {
        UUID name = Guid.idOf(text)
                .orElseThrow(() -> new PloopException(PloopException.PARAMETER, "Incorrect uuid specified: " + text));
        if (where == null) {
            throw new PloopException(
                    PloopException.PARAMETER, "'ploop mount -u' without -m is not supported by tidemark");
        }
        try {
            SnapshotMounts.Mounted mounted = SnapshotMounts.mount(plane, image.toString(), Guid.of(name), where);
            out.println("Adding delta dev=" + mounted.blockDevice() + " img=" + image + " (ro)");
            out.println("Mounting " + mounted.blockDevice() + " at " + where);
        } catch (ImageException e) {
            if (e.kind() == ImageException.Kind.INVALID_REQUEST) {
                throw new PloopException(PloopException.NO_SNAPSHOT, String.valueOf(e.getMessage()));
            }
            throw e;
        }
    }

    int unmount(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse("d:m:", Map.of(), rest);
        String what = words.value('d').or(() -> words.value('m')).orElse("");
        if (what.isEmpty()) {
            what = words.operand("Usage: ploop umount { -d DEVICE | -m DIR | DELTA | DiskDescriptor.xml }");
            what = what.endsWith(".xml") ? PloopSnapshotVerbs.imageOf(what).toString() : imageOfDelta(Path.of(what));
        }
        Optional<DataPlane> running = DataPlane.connectIfRunning(System.getenv());
        if (running.isPresent()) {
            try (DataPlane plane = running.get()) {
                Optional<AttachedDevice> device = find(plane, what);
                if (device.isPresent()) {
                    out.println("Unmounting " + device.get().blockDevice());
                    plane.detach(device.get(), DETACH_LIMIT);
                    return 0;
                }
            }
        }
        throw new PloopException(PloopException.NOT_MOUNTED, "Image " + what + " is not mounted");
    }

    /** A delta beside a descriptor belongs to the image that the descriptor describes. */
    private static String imageOfDelta(Path delta) throws NoSuchFileException {
        Path folder = delta.toAbsolutePath().getParent();
        if (!Files.exists(delta) || folder == null) {
            throw new NoSuchFileException(delta.toString());
        }
        return Files.exists(folder.resolve(DiskDescriptor.FILE_NAME)) ? folder.toString() : delta.toString();
    }

    private static Optional<AttachedDevice> find(DataPlane plane, String what) throws IOException {
        Path path = Path.of(what).toAbsolutePath();
        for (AttachedDevice device : plane.devices()) {
            if (device.blockDevice().equals(what)
                    || DataPlane.mountPoints(device).contains(path)) {
                return Optional.of(device);
            }
        }
        return plane.find(what);
    }
}
