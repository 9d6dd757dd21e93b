package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.Catalogue;
import org.tidemark.appliance.service.RestoreService;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark restore}. */
@Command(
        name = "restore",
        description = "Make a new image from a recovery point. Never writes over anything.",
        mixinStandardHelpOptions = true)
final class RestoreCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Parameters(paramLabel = "NAME", description = "The container.")
    private String name = "";

    @Option(names = "--to", required = true, paramLabel = "PATH", description = "Where to put the image.")
    private Path destination = Path.of("");

    @Option(
            names = "--at",
            defaultValue = "latest",
            paramLabel = "TIME|POINT",
            description = "latest, the start of a point's id, an ISO-8601 time, or '10 minutes ago'.")
    private String at = "latest";

    @Option(names = "--image", description = "Which image, when the point has several.")
    private @Nullable String image;

    @Option(
            names = "--format",
            converter = FormatName.class,
            description = "expanded or raw, when it shall not be what it was.")
    private @Nullable String format;

    @Option(names = "--target", description = "Which target; may be left out when there is only one.")
    private @Nullable String target;

    @Override
    public Integer call() throws IOException {
        try (Cancellation cancelled = new Cancellation();
                ProgressBar bar = new ProgressBar("restoring " + name, !output.isJson())) {
            RestoreService.Outcome outcome = new RestoreService(Catalogue.ofEnvironment(System.getenv()))
                    .restore(
                            new RestoreService.Wanted(name, Times.selector(at), image, destination, format, target),
                            (offset, size, written) -> bar.at(offset, size, Sizes.human(written) + " written"),
                            cancelled);
            bar.close();
            output.object(fields(
                    "image", destination.toString(),
                    "point", outcome.point().pointId(),
                    "instant", outcome.point().instant().toString(),
                    "sizeBytes", outcome.result().sizeBytes(),
                    "writtenBytes", outcome.result().bytesWritten(),
                    "seconds",
                            String.format(Locale.ROOT, "%.2f", outcome.result().seconds())));
        }
        return ExitCodes.DONE;
    }
}
