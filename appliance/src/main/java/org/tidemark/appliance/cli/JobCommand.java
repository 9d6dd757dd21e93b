package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApiPath;
import org.tidemark.appliance.client.ApplianceClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark job ...}. */
@Command(
        name = "job",
        description = "What the appliance does now and did before.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            JobCommand.ListAll.class,
            JobCommand.Show.class,
            JobCommand.Log.class,
            JobCommand.Watch.class,
            JobCommand.Cancel.class
        })
final class JobCommand {
    @Command(name = "list", description = "List jobs, the newest first.", mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Option(
                names = "--state",
                paramLabel = "STATE",
                description = "Only those that are queued, running, succeeded, failed or cancelled.")
        private @Nullable String state;

        @Option(names = "--kind", paramLabel = "KIND", description = "Only backup, restore or verify.")
        private @Nullable String kind;

        @Option(
                names = "--container",
                paramLabel = "CONTAINER",
                description = "Only those of this container.",
                completionCandidates = Candidates.Containers.class)
        private @Nullable String container;

        @Option(names = "--limit", defaultValue = "20", description = "At most so many (${DEFAULT-VALUE}).")
        private int limit = 20;

        @Override
        public Integer call() throws IOException {
            String path = ApiPath.query(
                    "/jobs",
                    "state",
                    state == null ? null : state.toUpperCase(Locale.ROOT),
                    "kind",
                    kind == null ? null : kind.toUpperCase(Locale.ROOT),
                    "container",
                    container);
            output.answers(access.client().list(path, limit), JobCommand::row, "there is no such job");
            return ExitCodes.DONE;
        }
    }

    @Command(name = "show", description = "Show one job.", mixinStandardHelpOptions = true)
    static final class Show implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "JOB", description = "Its id.", completionCandidates = Candidates.Jobs.class)
        private String id = "";

        @Override
        public Integer call() throws IOException {
            Answer job = access.client().get(ApiPath.of("jobs", id));
            output.answer(job, shown(job));
            return ExitCodes.DONE;
        }
    }

    @Command(name = "log", description = "Print what a job noted.", mixinStandardHelpOptions = true)
    static final class Log implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "JOB", description = "Its id.", completionCandidates = Candidates.Jobs.class)
        private String id = "";

        @Override
        public Integer call() throws IOException {
            Answer log = access.client().get(ApiPath.of("jobs", id, "log"));
            if (output.isJson()) {
                output.object(log.fields());
            }
            for (Answer line : log.objects("lines")) {
                output.say(Times.brief(line.text("at")) + "  " + line.text("level") + "  " + line.text("text"));
            }
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "watch",
            description = "Follow a job to its end; the exit code is that of the job.",
            mixinStandardHelpOptions = true)
    static final class Watch implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "JOB", description = "Its id.", completionCandidates = Candidates.Jobs.class)
        private String id = "";

        @Override
        public Integer call() throws IOException {
            ApplianceClient client = access.client();
            Answer job = client.get(ApiPath.of("jobs", id));
            Answer end = ApplianceClient.demandSuccess(JobRun.watch(client, id, JobRun.title(job), output));
            output.answer(end, shown(end));
            return ExitCodes.DONE;
        }
    }

    @Command(name = "cancel", description = "Ask a job to end.", mixinStandardHelpOptions = true)
    static final class Cancel implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "JOB", description = "Its id.", completionCandidates = Candidates.Jobs.class)
        private String id = "";

        @Override
        public Integer call() throws IOException {
            Answer job = access.client().post(ApiPath.of("jobs", id, "cancel"), Map.of());
            output.answer(job, fields("job", job.text("id"), "state", JobRun.word(job, "state")));
            return ExitCodes.DONE;
        }
    }

    private static Map<String, @Nullable Object> row(Answer job) {
        return fields(
                "job", job.text("id"),
                "kind", JobRun.word(job, "kind"),
                "container", job.has("container") ? job.text("container") : "-",
                "target", job.text("target"),
                "state", JobRun.word(job, "state"),
                "cause", JobRun.word(job, "cause"),
                "begun", Times.brief(job.text("startedAt")),
                "ended", Times.brief(job.text("finishedAt")),
                "what", summary(job));
    }

    private static String summary(Answer job) {
        return switch (job.text("state")) {
            case "FAILED" -> job.object("error").text("detail");
            case "RUNNING", "QUEUED" -> job.object("progress").text("text");
            default -> {
                Answer result = job.object("result");
                yield result.has("bytesStored")
                        ? Sizes.human(result.number("bytesStored")) + " stored"
                        : result.text("destination");
            }
        };
    }

    private static Map<String, @Nullable Object> shown(Answer job) {
        Map<String, @Nullable Object> shown = row(job);
        shown.put("created", Times.brief(job.text("createdAt")) + " by " + job.text("createdBy"));
        if (job.has("policy")) {
            shown.put("policy", job.text("policy"));
        }
        shown.put("attempt", job.number("attempt"));
        job.object("result").fields().forEach((name, value) -> shown.put("result " + name, value));
        job.object("error").fields().forEach((name, value) -> shown.put("error " + name, value));
        int number = 0;
        for (String notice : job.texts("notices")) {
            shown.put("note " + ++number, notice);
        }
        return shown;
    }
}
