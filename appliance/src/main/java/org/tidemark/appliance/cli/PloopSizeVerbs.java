package org.tidemark.appliance.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tidemark.appliance.service.BalloonFile;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.ImageFacts;
import org.tidemark.appliance.service.ImageReduction;
import org.tidemark.appliance.service.ImageResize;
import org.tidemark.ploop.chain.DiskDescriptor;
import org.tidemark.ploop.chain.TrialOverlay;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;

/** The ploop tool's verbs for the size of a disk, and what of it the container may have. */
final class PloopSizeVerbs {
    private static final String WHERE = "{-d DEVICE | -m MOUNT_POINT | DiskDescriptor.xml}";

    private final PrintWriter out;

    PloopSizeVerbs(PrintWriter out) {
        this.out = out;
    }

    private static PloopException parameter(String text) {
        return new PloopException(PloopException.PARAMETER, text);
    }

    private static long size(PloopWords words, String usage) throws PloopException {
        return PloopImageVerbs.sizeBytes(words.value('s').orElseThrow(() -> parameter(usage)));
    }

    /** Larger or smaller, with partition and file system; attached, or else smaller too. */
    int resize(List<String> rest) throws IOException {
        String usage = "Usage: ploop resize -s NEW_SIZE DiskDescriptor.xml";
        PloopWords words = PloopWords.parse("s:O", Map.of("size", 's', "offline", 'O'), rest);
        Path image = PloopSnapshotVerbs.imageOf(words.operand(usage));
        long wanted = size(words, usage);
        if (words.has('O') && device(image.toString()).isPresent()) {
            throw new PloopException(PloopException.BUSY, image + ": is mounted, --offline is not possible");
        }
        TrialOverlay.finish(image);
        if (wanted < ImageFacts.of(image).sizeBytes()) {
            ImageReduction.run(System.getenv(), image, wanted);
        } else {
            ImageResize.grow(System.getenv(), image, wanted, true);
        }
        return 0;
    }

    /** The disk alone. */
    int grow(List<String> rest) throws IOException {
        String usage = "Usage: ploop grow -s NEW_SIZE { -d DEVICE | DELTA | DiskDescriptor.xml }";
        PloopWords words = PloopWords.parse("s:d:f:", Map.of(), rest);
        words.refuse("grow", "f");
        long wanted = size(words, usage);
        Path image = words.value('d').isPresent()
                ? Path.of(words.value('d').get())
                : PloopSnapshotVerbs.imageOf(words.operand(usage));
        Path folder = image.toAbsolutePath().getParent();
        if (Files.isRegularFile(image) && folder != null && Files.exists(folder.resolve(DiskDescriptor.FILE_NAME))) {
            throw parameter("'ploop grow DELTA' beside a descriptor is not supported by tidemark; name "
                    + folder.resolve(DiskDescriptor.FILE_NAME));
        }
        ImageResize.grow(System.getenv(), image, wanted, false);
        return 0;
    }

    int balloon(List<String> rest) throws IOException {
        String verb = rest.isEmpty() ? "" : rest.get(0);
        List<String> words = rest.isEmpty() ? rest : rest.subList(1, rest.size());
        return switch (verb) {
            case "show" -> show(words);
            case "change" -> change(words);
            case "discard" -> discard(words);
            case "status", "clear", "complete", "check", "repair" ->
                throw parameter("'ploop balloon " + verb
                        + "' is not supported by tidemark: there is no kernel state that" + " it could be about");
            default -> throw parameter("Usage: ploop balloon { show | change | discard } ...");
        };
    }

    private int show(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse("d:m:f", Map.of(), rest);
        Optional<Path> mounted = mountPoint(words, "show [-f]");
        long bytes = mounted.isPresent() ? BalloonFile.sizeIn(mounted.get()) : BalloonFile.sizeOf(image(words, "show"));
        out.println("Current size of hidden balloon is " + bytes + " bytes");
        return 0;
    }

    private int change(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse("d:m:s:", Map.of(), rest);
        long wanted = size(words, "Usage: ploop balloon change -s SIZE " + WHERE);
        Path root = requireMounted(words, "change -s SIZE");
        long before = BalloonFile.sizeIn(root);
        BalloonFile.set(root, wanted);
        long after = BalloonFile.sizeIn(root);
        out.println("Successfully " + (after < before ? "truncated" : "inflated") + " balloon from " + before + " to "
                + after + " bytes");
        return 0;
    }

    private int discard(List<String> rest) throws IOException {
        PloopWords words = PloopWords.parse(
                "d:m:AFBDS",
                Map.of("automount", 'A', "to-free", 'F', "min-block", 'B', "defrag", 'D', "stat", 'S'),
                rest);
        words.refuse("balloon discard", "AFBDS");
        BalloonFile.giveBack(requireMounted(words, "discard"));
        return 0;
    }

    private static Path image(PloopWords words, String verb) throws IOException {
        return PloopSnapshotVerbs.imageOf(words.operand("Usage: ploop balloon " + verb + " " + WHERE));
    }

    private static Path requireMounted(PloopWords words, String verb) throws IOException {
        return mountPoint(words, verb)
                .orElseThrow(() -> new PloopException(
                        PloopException.NOT_MOUNTED, "the image is not mounted; mount it with 'ploop mount -m DIR'"));
    }

    /** Where the device is mounted that the words name. */
    private static Optional<Path> mountPoint(PloopWords words, String verb) throws IOException {
        if (words.value('m').isPresent()) {
            return words.value('m').map(Path::of);
        }
        Optional<AttachedDevice> device = device(
                words.value('d').isPresent()
                        ? words.value('d').get()
                        : image(words, verb).toString());
        return device.isEmpty()
                ? Optional.empty()
                : DataPlane.mountPoints(device.get()).stream().findFirst();
    }

    private static Optional<AttachedDevice> device(String word) throws IOException {
        Optional<DataPlane> running = DataPlane.connectIfRunning(System.getenv());
        if (running.isEmpty()) {
            return Optional.empty();
        }
        try (DataPlane plane = running.get()) {
            return plane.find(word);
        }
    }
}
