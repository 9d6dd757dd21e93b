package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark migrate}. */
@Command(
        name = "migrate",
        description = {
            "Move a container to another appliance: its images with their snapshots while it runs, then it is stopped here, the"
                    + " rest follows, and it is started there. Policies come along where the target is known there, and the"
                    + " next backup is an increment.",
            "Until the other side is told that the container is its own, every failure leaves it running here."
        },
        mixinStandardHelpOptions = true)
final class MigrateCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Mixin
    private ApplianceAccess access = new ApplianceAccess();

    @Mixin
    private JobRun run = new JobRun();

    @Parameters(
            index = "0",
            paramLabel = "NAME",
            description = "The container.",
            completionCandidates = Candidates.Containers.class)
    private String name = "";

    @Parameters(
            index = "1",
            paramLabel = "PEER",
            description = "Where to; see 'tidemark peer'.",
            completionCandidates = Candidates.Peers.class)
    private String peer = "";

    @Option(
            names = "--to",
            paramLabel = "DIR",
            description = "Folder there for the images (usual: where they lie here).")
    private @Nullable String destination;

    @Option(
            names = "--max-rounds",
            paramLabel = "N",
            description = "Rounds of what changed before the container is stopped (usual: 10).")
    private @Nullable Integer maxRounds;

    @Option(
            names = "--rate",
            paramLabel = "BYTES",
            converter = Sizes.class,
            description = "Send so many bytes a second at most while the container runs, with K, M, G.")
    private @Nullable Long rate;

    @Option(names = "--throttle", description = "Slow the container down when it changes more than is sent meanwhile.")
    private boolean throttle;

    @Override
    public Integer call() throws IOException {
        Optional<Answer> job = run.start(
                access.client(),
                "/migrations",
                ApplianceClient.body(
                        "container", name,
                        "peer", peer,
                        "destination", destination,
                        "maxRounds", maxRounds,
                        "bytesPerSecond", rate,
                        "throttle", throttle ? true : null),
                output);
        if (job.isPresent()) {
            Answer result = job.get().object("result");
            output.object(fields(
                    "container", name,
                    "peer", result.text("peer"),
                    "rounds", result.number("rounds"),
                    "bytesRead", result.number("bytesRead"),
                    "bytesSent", result.number("bytesSent"),
                    "downMillis", result.has("downMillis") ? result.number("downMillis") : null,
                    "migration", result.text("migration"),
                    "job", job.get().text("id")));
        }
        return ExitCodes.DONE;
    }
}
