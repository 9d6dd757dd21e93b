package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.service.ImageUpkeep;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainLocks;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.chain.NfsImage;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.ChainRepair;
import org.tidemark.ploop.check.CheckReport;
import org.tidemark.ploop.check.Finding;
import org.tidemark.ploop.check.LiveCheck;
import org.tidemark.ploop.check.UndoFile;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.os.nfs.NfsLocation;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code tidemark image check}. */
@Command(
        name = "check",
        description = {
            "Look for contradictions in an image. Changes nothing unless told to.",
            "An image that is attached is checked as it is used. Ends with 5 when damage is left."
        },
        mixinStandardHelpOptions = true)
final class ImageCheckCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Spec
    private picocli.CommandLine.Model.@Nullable CommandSpec spec;

    @Parameters(
            paramLabel = "IMAGE",
            arity = "0..1",
            converter = ImagePlaces.class,
            description = "A folder with DiskDescriptor.xml, or a single file; or nfs://SERVER/EXPORT/IMAGE.")
    private @Nullable ImagePlace place;

    @Option(
            names = "--repair",
            description = "Mend what can be mended. What was there before goes into an undo file beside each file that"
                    + " is changed. A container that uses the image waits meanwhile.")
    private boolean repair;

    @Option(
            names = "--undo",
            paramLabel = "FILE",
            converter = ImagePlaces.class,
            description = "Put back what a repair changed, from its undo file; of an image on NFS by its address.")
    private @Nullable ImagePlace undo;

    @Override
    public Integer call() throws IOException {
        ImagePlace undoFile = undo;
        if (undoFile != null) {
            return putBack(undoFile);
        }
        ImagePlace image = place;
        if (image == null) {
            throw new ParameterException(
                    java.util.Objects.requireNonNull(spec).commandLine(), "Missing required parameter: 'IMAGE'");
        }
        ChainFiles files = AttachedImage.filesOf(image);
        return repair ? repaired(image, files) : checked(files);
    }

    private int checked(ChainFiles files) throws IOException {
        CheckReport report = inUse(files) ? LiveCheck.run(files) : ChainCheck.run(files);
        output.rows(rows(report), "no findings; " + report.allocatedClusters() + " clusters allocated");
        if (report.omitted() > 0) {
            output.say("and " + report.omitted() + " more");
        }
        return report.damaged() ? ExitCodes.DAMAGED : ExitCodes.DONE;
    }

    private static boolean inUse(ChainFiles files) throws IOException {
        try {
            ChainLocks.requireUnused(files);
            return false;
        } catch (ImageException e) {
            if (e.kind() == ImageException.Kind.IN_USE) {
                return true;
            }
            throw e;
        }
    }

    private int repaired(ImagePlace image, ChainFiles files) throws IOException {
        boolean attached = inUse(files);
        CheckReport before = attached ? LiveCheck.run(files) : ChainCheck.run(files);
        Optional<ImageUpkeep.Repaired> byServer =
                attached ? ImageUpkeep.repair(System.getenv(), image) : Optional.empty();
        List<String> steps = new ArrayList<>();
        List<String> undoFiles = new ArrayList<>();
        if (byServer.isPresent()) {
            steps.addAll(byServer.get().steps());
            undoFiles.addAll(byServer.get().undoFiles());
        } else {
            for (ChainRepair.Repaired one : ChainRepair.run(files)) {
                one.outcome().steps().forEach(step -> steps.add(one.file() + ": " + step));
                undoFiles.add(one.outcome().undoName());
            }
        }
        ChainFiles now = AttachedImage.filesOf(image);
        CheckReport left = byServer.isPresent() ? LiveCheck.run(now) : ChainCheck.run(now);
        if (output.isJson()) {
            output.object(fields("found", rows(before), "done", steps, "undoFiles", undoFiles, "left", rows(left)));
        } else {
            output.rows(rows(before), "no findings; nothing to repair");
            steps.forEach(output::say);
            String folder = files.directory().name();
            undoFiles.forEach(name -> output.say("image check --undo " + folder + "/" + name + " puts it back"));
            output.say(left.clean() ? "nothing is left" : left.findings().size() + " findings are left");
        }
        return left.damaged() ? ExitCodes.DAMAGED : ExitCodes.DONE;
    }

    private int putBack(ImagePlace undoFile) throws IOException {
        Optional<NfsLocation> far = undoFile.nfs();
        if (far.isPresent()) {
            try (NfsImage file = NfsImage.forCommand(far.get())) {
                return putBack(file.parent(), file.name());
            }
        }
        Path absolute = undoFile.requireHost("is none").toAbsolutePath().normalize();
        Path parent = absolute.getParent();
        Path name = absolute.getFileName();
        if (parent == null || name == null) {
            throw new NoSuchFileException(undoFile.toString());
        }
        return putBack(new VfsImageDirectory(parent), name.toString());
    }

    private int putBack(ImageDirectory folder, String undoName) throws IOException {
        String image = UndoFile.imageOf(folder, undoName);
        try (ImageLock lock = folder.lock(image, true)) {
            UndoFile.putBack(folder, undoName);
        }
        output.object(fields("image", folder.name() + "/" + image, "putBack", true));
        return ExitCodes.DONE;
    }

    private static List<Map<String, @Nullable Object>> rows(CheckReport report) {
        List<Map<String, @Nullable Object>> rows = new ArrayList<>();
        for (Finding finding : report.findings()) {
            rows.add(fields(
                    "severity", finding.severity().name().toLowerCase(Locale.ROOT),
                    "finding", finding.getClass().getSimpleName(),
                    "what", finding.describe(),
                    "repair", finding.repair()));
        }
        return rows;
    }
}
