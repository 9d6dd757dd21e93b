package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark verify}. */
@Command(
        name = "verify",
        description = "Read every chunk of recovery points and compare it with its hash.",
        mixinStandardHelpOptions = true)
final class VerifyCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Mixin
    private ApplianceAccess access = new ApplianceAccess();

    @Mixin
    private JobRun run = new JobRun();

    @Parameters(
            arity = "0..1",
            paramLabel = "NAME",
            description = "A container; everything when left out.",
            completionCandidates = Candidates.Containers.class)
    private @Nullable String name;

    @Option(
            names = {"--at", "--point"},
            paramLabel = "TIME|POINT",
            description = "One point: latest, the start of its id, a time, or '10 minutes ago'.")
    private @Nullable String at;

    @Option(
            names = "--target",
            paramLabel = "NAME",
            description = "Which target; may be left out when there is only one.",
            completionCandidates = Candidates.Targets.class)
    private @Nullable String target;

    @Override
    public Integer call() throws IOException {
        var job = run.start(
                access.client(),
                ApplianceClient.body(
                        "kind",
                        "VERIFY",
                        "container",
                        name,
                        "target",
                        target,
                        "point",
                        at == null ? null : Times.selector(at)),
                output);
        if (job.isPresent()) {
            Answer result = job.get().object("result");
            output.object(fields(
                    "points", result.number("points"),
                    "chunksRead", result.number("chunks"),
                    "bytes", result.number("bytes"),
                    "damages", result.texts("damages").size(),
                    "job", job.get().text("id")));
        }
        return ExitCodes.DONE;
    }
}
