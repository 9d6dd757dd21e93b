package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
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

    @Mixin
    private ApplianceAccess access = new ApplianceAccess();

    @Mixin
    private JobRun run = new JobRun();

    @Parameters(paramLabel = "NAME", description = "The container.", completionCandidates = Candidates.Containers.class)
    private String name = "";

    @Option(
            names = "--to",
            required = true,
            paramLabel = "PATH",
            description = "Where to put the image, on the appliance's host.")
    private Path destination = Path.of("");

    @Option(
            names = "--at",
            defaultValue = "latest",
            paramLabel = "TIME|POINT",
            description = "latest, the start of a point's id, an ISO-8601 time, or '10 minutes ago'.")
    private String at = "latest";

    @Option(names = "--image", paramLabel = "ID", description = "Which image, when the point has several.")
    private @Nullable String image;

    @Option(
            names = "--format",
            converter = FormatName.class,
            description = "expanded, qcow2 or raw, when it shall not be what it was.")
    private @Nullable String format;

    @Option(
            names = "--target",
            paramLabel = "TARGET",
            description = "Which target; may be left out when there is only one.",
            completionCandidates = Candidates.Targets.class)
    private @Nullable String target;

    @Override
    public Integer call() throws IOException {
        Optional<Answer> job = run.start(
                access.client(),
                ApplianceClient.body(
                        "kind", "RESTORE",
                        "container", name,
                        "target", target,
                        "point", Times.selector(at),
                        "image", image,
                        "destination", destination.toAbsolutePath().normalize().toString(),
                        "format", format),
                output);
        if (job.isPresent()) {
            Answer result = job.get().object("result");
            output.object(fields(
                    "image", result.text("destination"),
                    "point", result.text("pointId"),
                    "sizeBytes", result.number("sizeBytes"),
                    "writtenBytes", result.number("writtenBytes"),
                    "seconds", Times.seconds(result.fraction("seconds")),
                    "job", job.get().text("id")));
        }
        return ExitCodes.DONE;
    }
}
