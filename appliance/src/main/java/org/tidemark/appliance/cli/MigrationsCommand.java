package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApiPath;
import org.tidemark.appliance.client.ApplianceClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark migrations}. */
@Command(
        name = "migrations",
        description = "Containers that moved, or are moving, between this appliance and others.",
        mixinStandardHelpOptions = true,
        subcommands = {MigrationsCommand.Resume.class, MigrationsCommand.Abandon.class})
final class MigrationsCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Mixin
    private ApplianceAccess access = new ApplianceAccess();

    @Override
    public Integer call() throws IOException {
        output.answers(
                access.client().list("/migrations"),
                one -> fields(
                        "id", one.text("id"),
                        "container", one.text("container"),
                        "direction", JobRun.word(one, "direction").equals("out") ? "to" : "from",
                        "peer", one.text("peer"),
                        "state", JobRun.word(one, "state"),
                        "since", Times.brief(one.text("updatedAt")),
                        "notice", one.text("notice")),
                "nothing has moved; 'tidemark migrate' moves a container");
        return ExitCodes.DONE;
    }

    @Command(
            name = "resume",
            description = "Go on with one that is decided and waits for the other side, or start what has arrived.",
            mixinStandardHelpOptions = true)
    static final class Resume implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Mixin
        private JobRun run = new JobRun();

        @Parameters(paramLabel = "ID", description = "Its id; see 'tidemark migrations'.")
        private String id = "";

        @Override
        public Integer call() throws IOException {
            Optional<Answer> job =
                    run.start(access.client(), ApiPath.of("migrations", id, "resume"), ApplianceClient.body(), output);
            if (job.isPresent()) {
                output.object(fields("migration", id, "job", job.get().text("id")));
            }
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "abandon",
            description = {
                "End one whose other side will not answer.",
                "What is coming here is refused; its source starts it again as soon as it asks. What was handed over from here and not"
                        + " acknowledged is taken back and started here: say --really only when the other appliance does not run it"
                        + " and never will."
            },
            mixinStandardHelpOptions = true)
    static final class Abandon implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "ID", description = "Its id; see 'tidemark migrations'.")
        private String id = "";

        @Option(names = "--really", paramLabel = "NAME", description = "The container's name, to take it back.")
        private @Nullable String really;

        @Override
        public Integer call() throws IOException {
            Answer one = access.client()
                    .post(ApiPath.of("migrations", id, "abandon"), ApplianceClient.body("really", really));
            output.object(fields(
                    "migration", id,
                    "container", one.text("container"),
                    "state", JobRun.word(one, "state"),
                    "notice", one.text("notice")));
            return ExitCodes.DONE;
        }
    }
}
