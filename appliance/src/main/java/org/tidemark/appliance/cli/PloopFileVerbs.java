package org.tidemark.appliance.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.ImageService;
import org.tidemark.appliance.service.Snapshots;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainProgress;
import org.tidemark.ploop.chain.DiskDescriptor;
import org.tidemark.ploop.chain.FileReplacement;
import org.tidemark.ploop.chain.Guid;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedVersion;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/** The ploop tool's verbs that put other files in the place of an image's. */
final class PloopFileVerbs {
    private final PrintWriter out;
    private final Snapshots snapshots = SnapshotCommand.snapshots();

    PloopFileVerbs(PrintWriter out) {
        this.out = out;
    }

    private static PloopException parameter(String text) {
        return new PloopException(PloopException.PARAMETER, text);
    }

    /** Nobody takes a file from under a device. */
    static void requireDetached(Path image, String what) throws IOException {
        Optional<DataPlane> running = DataPlane.connectIfRunning(System.getenv());
        if (running.isEmpty()) {
            return;
        }
        try (DataPlane plane = running.get()) {
            if (plane.find(image.toString()).isPresent()) {
                throw new PloopException(
                        PloopException.BUSY,
                        "'ploop " + what
                                + "' of an image that is mounted is not supported by tidemark: no file is taken"
                                + " from under a device; 'ploop umount' it first");
            }
        }
    }

    /** The name of a file that lies in the image's folder, or will. */
    static String besideOthers(Path image, String file) throws IOException {
        Path path = Path.of(file).toAbsolutePath().normalize();
        Path parent = path.getParent();
        if (parent == null || !Files.isDirectory(parent) || !parent.toRealPath().equals(image.toRealPath())) {
            throw parameter(
                    file + ": a file outside of " + image + " is not supported by tidemark; put it into that folder");
        }
        return String.valueOf(path.getFileName());
    }

    /** The file that a merge is to end in: there is none of that name. */
    static String newFile(Path image, String file) throws IOException {
        String name = besideOthers(image, file);
        if (Files.exists(image.resolve(name))) {
            throw parameter("Can't merge to new image " + file + ": File exists");
        }
        return name;
    }

    int convert(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse("f:v:", Map.of(), rest);
        String usage = "Usage: ploop convert {-f FORMAT | -v VERSION} DiskDescriptor.xml";
        Path image = PloopSnapshotVerbs.imageOf(words.operand(usage));
        if (words.has('f') == words.has('v')) {
            throw parameter(usage);
        }
        ChainFiles files = AttachedImage.filesOf(image);
        if (words.has('v')) {
            ImageService.convertInPlace(files, version(words.value('v').orElse("")));
            return 0;
        }
        DiskDescriptor descriptor = files.descriptor()
                .orElseThrow(() -> new PloopException(PloopException.DESCRIPTOR, image + ": has no descriptor"));
        String format = words.value('f').orElse("");
        boolean isRaw =
                descriptor.images().stream().anyMatch(one -> !one.formatId().equals(ExpandedFormat.ID));
        if (isRaw) {
            throw parameter("Converting raw image is not supported");
        }
        switch (format) {
            case "raw" -> FileReplacement.convert(files, FileReplacement.Kind.RAW, UUID::randomUUID);
            case "preallocated" -> FileReplacement.convert(files, FileReplacement.Kind.PREALLOCATED, UUID::randomUUID);
            // It is that: clusters that are not needed are given back by 'image compact'.
            case "expanded", "ploop1" -> {}
            default -> throw parameter("Incorrect format specified: " + format);
        }
        return 0;
    }

    private static ExpandedVersion version(String text) throws PloopException {
        return switch (text) {
            case "1" -> ExpandedVersion.V1;
            case "2" -> ExpandedVersion.V2;
            default -> throw parameter("Incorrect version specified: " + text);
        };
    }

    int replace(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse("d:m:l:o:u:i:k", Map.of("uuid", 'u', "keep-name", 'k'), rest);
        words.refuse("replace", "dml");
        String file = words.value('i').orElseThrow(() -> parameter("Error: image file not specified (use -i)"));
        Path image = PloopSnapshotVerbs.imageOf(
                words.operand("Usage: ploop replace {-u UUID | -o CDELTA} [-k] -i DELTA DiskDescriptor.xml"));
        if (words.has('u') == words.has('o')) {
            throw parameter("Error: one of -u or -o is needed");
        }
        requireDetached(image, "replace");
        ChainFiles files = AttachedImage.filesOf(image);
        DiskDescriptor descriptor = files.descriptor()
                .orElseThrow(() -> new PloopException(PloopException.DESCRIPTOR, image + ": has no descriptor"));
        DiskDescriptor.Image present = replaced(descriptor, image, words);
        if (!Files.exists(Path.of(file))) {
            throw parameter("Error in realpath(" + file + "): No such file or directory");
        }
        String name = besideOthers(image, file);
        ChainFiles other = ChainFiles.loneFile(new VfsImageDirectory(image), name, present.formatId());
        if (ChainCheck.run(other).damaged()) {
            throw new PloopException(PloopException.FORMAT, file + ": is damaged");
        }
        out.println("Replacing " + image.resolve(present.file()) + " with " + image.resolve(name) + " (offline)");
        FileReplacement.replace(files, present.guid(), name, words.has('k'));
        return 0;
    }

    private static DiskDescriptor.Image replaced(DiskDescriptor descriptor, Path image, PloopWords words)
            throws IOException {
        if (words.has('u')) {
            String text = words.value('u').orElse("");
            UUID uuid = Guid.idOf(text).orElseThrow(() -> parameter("Invalid guid specified: " + text));
            return descriptor.images().stream()
                    .filter(one -> one.guid().equals(Guid.of(uuid)))
                    .findFirst()
                    .orElseThrow(() -> parameter("Can't find image by guid " + text));
        }
        String current = besideOthers(image, words.value('o').orElse(""));
        return descriptor.images().stream()
                .filter(one -> one.file().equals(current))
                .findFirst()
                .orElseThrow(() -> parameter("Can't find image " + current + " in DiskDescriptor.xml"));
    }

    /** Of levels of an image: the descriptor follows, and the files that were merged are gone. */
    int merge(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse("d:l:n:f:uA", Map.of(), rest);
        String usage = "Usage: ploop merge -d DEVICE [-l LEVEL[..TOP_LEVEL]]\n"
                + "       ploop merge [-n NEW_DELTA] DELTAS_TO_MERGE BASE_DELTA";
        if (words.operands().size() == 1 && words.operands().get(0).endsWith(".xml")) {
            throw parameter("Please use ploop snapshot-merge command");
        }
        words.refuse("merge", "f");
        if (words.has('d')) {
            words.refuse("merge -d", "n");
            if (!words.operands().isEmpty()) {
                throw parameter(usage);
            }
            return mergeUnderDevice(
                    words.value('d').orElse(""), words.value('l').orElse(null), usage);
        }
        if (words.has('l') || words.operands().size() < 2) {
            throw parameter(usage);
        }
        List<Path> baseFirst =
                new ArrayList<>(words.operands().stream().map(Path::of).toList());
        Collections.reverse(baseFirst);
        for (Path file : baseFirst) {
            if (!Files.exists(file)) {
                throw new NoSuchFileException(file.toString());
            }
        }
        PloopLevels levels = PloopLevels.of(baseFirst)
                .orElseThrow(() -> parameter(
                        "'ploop merge' of files that are not levels of one image, one above the other, is not supported by"
                                + " tidemark: nothing says what they stand on; 'ploop restore-descriptor' makes a"
                                + " descriptor for a single file"));
        String name = words.has('n') ? newFile(levels.image(), words.value('n').orElse("")) : "";
        if (!name.isEmpty()) {
            requireDetached(levels.image(), "merge -n");
        }
        merge(levels.image(), guids(levels.path()), levels.path().size() - levels.named(), name);
        return 0;
    }

    private static List<String> guids(List<DiskDescriptor.Image> path) {
        return path.stream().map(DiskDescriptor.Image::guid).toList();
    }

    /** All levels above {@code base} go down into its file. */
    private void merge(Path image, List<String> guids, int base, String newName) throws IOException {
        for (String guid : guids.subList(base + 1, guids.size())) {
            snapshots.merge(image.toString(), guid, ChainProgress.NONE);
        }
        if (!newName.isEmpty()) {
            FileReplacement.rename(AttachedImage.filesOf(image), guids.get(guids.size() - 1), newName);
        }
    }

    private int mergeUnderDevice(String device, @Nullable String range, String usage) throws IOException {
        Path image = imageOf(device);
        DiskDescriptor descriptor = AttachedImage.filesOf(image)
                .descriptor()
                .orElseThrow(() -> new PloopException(PloopException.DESCRIPTOR, image + ": has no descriptor"));
        List<String> guids = guids(descriptor.pathTo(descriptor.topGuid()));
        int base = 0;
        int top = guids.size() - 1;
        if (range != null) {
            if (!range.matches("[0-9]{1,3}([.][.][0-9]{1,3})?")) {
                throw parameter(usage);
            }
            String[] ends = range.split("[.][.]");
            base = Integer.parseInt(ends[0]);
            top = ends.length > 1 ? Integer.parseInt(ends[1]) : base + 1;
        }
        if (base >= top || top >= guids.size()) {
            throw parameter("Invalid parameters: start_level " + base + " end_level " + top);
        }
        merge(image, guids.subList(0, top + 1), base, "");
        return 0;
    }

    private static Path imageOf(String device) throws IOException {
        Optional<DataPlane> running = DataPlane.connectIfRunning(System.getenv());
        if (running.isPresent()) {
            try (DataPlane plane = running.get()) {
                Optional<Path> image = plane.devices().stream()
                        .filter(one -> one.blockDevice().equals(device))
                        .map(one -> Path.of(one.image().toString()))
                        .findFirst();
                if (image.isPresent()) {
                    return image.get();
                }
            }
        }
        throw new PloopException(PloopException.DEVICE, device + ": is not a device of tidemark");
    }
}
