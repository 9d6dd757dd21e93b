package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.check.ChainCheck;
import org.tidemark.ploop.check.CheckReport;
import org.tidemark.ploop.check.Finding;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code tidemark image check}. */
@Command(
        name = "check",
        description = "Look for contradictions in an image. Changes nothing.",
        mixinStandardHelpOptions = true)
final class ImageCheckCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Parameters(paramLabel = "IMAGE", description = "A folder with DiskDescriptor.xml, or a single file.")
    private Path path = Path.of("");

    @Override
    public Integer call() throws IOException {
        CheckReport report = ChainCheck.run(AttachedImage.filesOf(path));
        List<Map<String, @Nullable Object>> rows = new ArrayList<>();
        for (Finding finding : report.findings()) {
            rows.add(fields(
                    "severity", finding.severity().name().toLowerCase(Locale.ROOT),
                    "finding", finding.getClass().getSimpleName(),
                    "what", finding.describe()));
        }
        output.rows(rows, "no findings; " + report.allocatedClusters() + " clusters allocated");
        if (report.omitted() > 0) {
            output.say("and " + report.omitted() + " more");
        }
        return report.damaged() ? ExitCodes.DAMAGED : ExitCodes.DONE;
    }
}
