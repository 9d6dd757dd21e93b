package org.tidemark.appliance.cli;

import java.io.IOException;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.Catalogue;
import org.tidemark.appliance.service.BackupService;
import org.tidemark.appliance.service.DataPlane;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark backup}. */
@Command(
        name = "backup",
        description = "Take a recovery point of a container: everything the first time, what changed afterwards.",
        mixinStandardHelpOptions = true)
final class BackupCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Parameters(paramLabel = "NAME", description = "The container.")
    private String name = "";

    @Option(names = "--target", description = "Where to; may be left out when there is only one target.")
    private @Nullable String target;

    @Override
    public Integer call() throws IOException {
        Catalogue catalogue = Catalogue.ofEnvironment(System.getenv());
        try (DataPlane plane = DataPlane.connect(System.getenv());
                Cancellation cancelled = new Cancellation();
                ProgressBar bar = new ProgressBar("backing up " + name, !output.isJson())) {
            BackupService.Outcome outcome = new BackupService(catalogue)
                    .backup(
                            plane,
                            name,
                            target,
                            (image, offset, counters) -> bar.at(
                                    counters.chunksRead(),
                                    counters.chunksRead() + 1,
                                    Sizes.human(counters.bytesRead()) + " read, " + Sizes.human(counters.bytesStored())
                                            + " stored"),
                            cancelled);
            bar.close();
            outcome.notices().forEach(notice -> System.err.println("note: " + notice));
            Map<String, @Nullable Object> row = PointRow.of(outcome.result().point());
            row.put(
                    "seconds",
                    String.format(Locale.ROOT, "%.2f", outcome.result().seconds()));
            output.object(row);
        }
        return ExitCodes.DONE;
    }
}
