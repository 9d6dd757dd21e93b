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
            description = "A folder with DiskDescriptor.xml, or a single file.")
    private @Nullable Path path;

    @Option(
            names = "--repair",
            description = "Mend what can be mended. What was there before goes into an undo file beside each file that"
                    + " is changed. A container that uses the image waits meanwhile.")
    private boolean repair;

    @Option(names = "--undo", paramLabel = "FILE", description = "Put back what a repair changed, from its undo file.")
    private @Nullable Path undo;

    @Override
    public Integer call() throws IOException {
        Path undoFile = undo;
        if (undoFile != null) {
            return putBack(undoFile);
        }
        Path image = path;
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

    private int repaired(Path image, ChainFiles files) throws IOException {
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
            undoFiles.forEach(name -> output.say("image check --undo " + name + " puts it back"));
            output.say(left.clean() ? "nothing is left" : left.findings().size() + " findings are left");
        }
        return left.damaged() ? ExitCodes.DAMAGED : ExitCodes.DONE;
    }

    private int putBack(Path undoFile) throws IOException {
        Path absolute = undoFile.toAbsolutePath().normalize();
        Path parent = absolute.getParent();
        Path name = absolute.getFileName();
        if (parent == null || name == null) {
            throw new NoSuchFileException(undoFile.toString());
        }
        ImageDirectory folder = new VfsImageDirectory(parent);
        String image = UndoFile.imageOf(folder, name.toString());
        try (ImageLock lock = folder.lock(image, true)) {
            UndoFile.putBack(folder, name.toString());
        }
        output.object(fields("image", parent.resolve(image).toString(), "putBack", true));
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
