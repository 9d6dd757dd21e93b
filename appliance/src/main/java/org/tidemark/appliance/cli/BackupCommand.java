package org.tidemark.appliance.cli;

import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
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

    @Mixin
    private ApplianceAccess access = new ApplianceAccess();

    @Mixin
    private JobRun run = new JobRun();

    @Parameters(paramLabel = "NAME", description = "The container.", completionCandidates = Candidates.Containers.class)
    private String name = "";

    @Option(
            names = "--target",
            paramLabel = "NAME",
            description = "Where to; may be left out when there is only one target.",
            completionCandidates = Candidates.Targets.class)
    private @Nullable String target;

    @Override
    public Integer call() throws IOException {
        Optional<Answer> job = run.start(
                access.client(), ApplianceClient.body("kind", "BACKUP", "container", name, "target", target), output);
        if (job.isPresent()) {
            output.object(row(job.get()));
        }
        return ExitCodes.DONE;
    }

    static Map<String, @Nullable Object> row(Answer job) {
        Answer result = job.object("result");
        return Output.fields(
                "point", result.text("pointId"),
                "number", result.number("sequence"),
                "instant", result.text("instant"),
                "grade", JobRun.word(result, "grade"),
                "mode", JobRun.word(result, "mode"),
                "freezeMillis", result.number("freezeMillis"),
                "chunksRead", result.number("chunksRead"),
                "chunksChanged", result.number("chunksChanged"),
                "chunksShipped", result.number("chunksShipped"),
                "bytesShipped", result.number("bytesShipped"),
                "bytesStored", result.number("bytesStored"),
                "objects", result.number("objects"),
                "seconds", Times.seconds(result.fraction("seconds")),
                "target", job.text("target"),
                "job", job.text("id"));
    }
}
