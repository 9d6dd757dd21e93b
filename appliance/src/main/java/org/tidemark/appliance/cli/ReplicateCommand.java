package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApiPath;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.appliance.failure.ApplianceException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark replicate ...}. */
@Command(
        name = "replicate",
        description = "Replicas: targets elsewhere that are kept up with a target, for when that is lost.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            ReplicateCommand.Add.class,
            ReplicateCommand.ListAll.class,
            ReplicateCommand.Show.class,
            ReplicateCommand.Run.class,
            ReplicateCommand.Set.class,
            ReplicateCommand.Test.class,
            ReplicateCommand.Promote.class,
            ReplicateCommand.Remove.class
        })
final class ReplicateCommand {
    private static final String REPLICAS = "/replicas";

    /** How a replica is kept up. */
    static final class Terms {
        @Option(
                names = "--every",
                paramLabel = "TIME",
                converter = Times.Length.class,
                description = "Look so often for what is new: 30s, 5m (usual), 1h.")
        private @Nullable Long every;

        @Option(
                names = "--rpo",
                paramLabel = "TIME",
                converter = Times.Length.class,
                description = "Tell when a point has waited for longer (usual: three times --every, 10m at least).")
        private @Nullable Long rpo;

        @Option(
                names = "--bandwidth",
                paramLabel = "PLAN",
                description = "Bits a second by day and hour, for instance 'mon-fri 08:00-18:00 2M, sun off, else 50M'"
                        + " (usual: unlimited).")
        private @Nullable String bandwidth;

        Map<String, @Nullable Object> request() {
            return ApplianceClient.body("everySeconds", every, "rpoSeconds", rpo, "bandwidth", bandwidth);
        }
    }

    @Command(
            name = "add",
            description = {
                "Make a folder, a bucket or a folder on an NFS server a replica of a target. The first run follows by itself.",
                "Without PLACE, NAME is a target that holds the same repository: the one that was the source before a"
                        + " promotion, for instance."
            },
            mixinStandardHelpOptions = true)
    static final class Add implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Mixin
        private Terms terms = new Terms();

        @Mixin
        private S3Options s3 = new S3Options();

        @Parameters(index = "0", paramLabel = "NAME", description = "What to call it; it becomes a target too.")
        private String name = "";

        @Parameters(
                index = "1",
                arity = "0..1",
                paramLabel = "PLACE",
                description =
                        "A folder, s3://BUCKET[/PREFIX], or nfs://SERVER/EXPORT/PATH[?uid=N&gid=N], without a mount.")
        private @Nullable String place;

        @Option(
                names = "--of",
                required = true,
                paramLabel = "TARGET",
                description = "The target to keep it up with.",
                completionCandidates = Candidates.Targets.class)
        private String source = "";

        @Option(names = "--credentials", paramLabel = "WHERE", description = TargetCommand.CREDENTIALS)
        private @Nullable String credentials;

        @Override
        public Integer call() throws IOException {
            if (place == null && (s3.isGiven() || credentials != null)) {
                throw ApplianceException.usage(
                        "'" + name + "' is a target already and keeps its settings; give a PLACE");
            }
            Map<String, @Nullable Object> request = terms.request();
            request.put("name", name);
            request.put("source", source);
            if (place != null) {
                request.put("place", TargetCommand.place(place, s3, credentials, null));
            }
            Answer made = access.client().post(REPLICAS, request);
            output.answer(made, shown(made));
            return ExitCodes.DONE;
        }
    }

    @Command(name = "list", description = "List replicas, and how far each is behind.", mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Override
        public Integer call() throws IOException {
            output.answers(
                    access.client().list(REPLICAS),
                    replica -> fields(
                            "replica", replica.text("name"),
                            "of", replica.text("source"),
                            "state", state(replica),
                            "behind", Times.length(replica.number("lagSeconds")),
                            "rpo", Times.length(replica.number("rpoSeconds")),
                            "every", Times.length(replica.number("everySeconds")),
                            "last good run", Times.brief(replica.text("lastSuccessAt"))),
                    "there is no replica; add one with 'tidemark replicate add'");
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "show",
            description = "Show one replica: of each container what waits, and what losing the source would cost.",
            mixinStandardHelpOptions = true)
    static final class Show implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "NAME", description = "The replica.", completionCandidates = Candidates.Replicas.class)
        private String name = "";

        @Override
        public Integer call() throws IOException {
            Answer replica = access.client().get(ApiPath.of("replicas", name));
            output.answer(replica, shown(replica));
            if (!output.isJson()) {
                List<Map<String, @Nullable Object>> rows = new ArrayList<>();
                for (Answer one : replica.objects("containers")) {
                    rows.add(fields(
                            "container", one.text("container"),
                            "state", words(one),
                            "waiting", one.number("pointsWaiting"),
                            "behind", Times.length(one.number("lagSeconds")),
                            "newest here", Times.brief(one.text("newestAtReplica")),
                            "newest there", Times.brief(one.text("newestAtSource"))));
                }
                output.say("");
                output.rows(rows, "it holds no points yet");
            }
            return ExitCodes.DONE;
        }
    }

    @Command(name = "run", description = "Bring a replica up now.", mixinStandardHelpOptions = true)
    static final class Run implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Mixin
        private JobRun run = new JobRun();

        @Parameters(paramLabel = "NAME", description = "The replica.", completionCandidates = Candidates.Replicas.class)
        private String name = "";

        @Override
        public Integer call() throws IOException {
            Optional<Answer> job =
                    run.start(access.client(), ApiPath.of("replicas", name, "run"), ApplianceClient.body(), output);
            if (job.isPresent()) {
                Answer result = job.get().object("result");
                output.object(fields(
                        "replica", name,
                        "points", result.number("points"),
                        "pointsAlreadyThere", result.number("pointsAlreadyThere"),
                        "packs", result.number("packs"),
                        "bytesSent", result.number("bytesSent"),
                        "job", job.get().text("id")));
            }
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "set",
            description = "Change how a replica is kept up. It counts at once.",
            mixinStandardHelpOptions = true)
    static final class Set implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Mixin
        private Terms terms = new Terms();

        @Parameters(paramLabel = "NAME", description = "The replica.", completionCandidates = Candidates.Replicas.class)
        private String name = "";

        @Option(names = "--pause", description = "It does not run by itself.")
        private boolean pause;

        @Option(names = "--resume", description = "It runs by itself (usual).")
        private boolean resume;

        @Override
        public Integer call() throws IOException {
            if (pause && resume) {
                throw ApplianceException.usage("give one of --pause and --resume");
            }
            Map<String, @Nullable Object> request = terms.request();
            if (pause || resume) {
                request.put("enabled", resume);
            }
            if (request.isEmpty()) {
                throw ApplianceException.usage("there is nothing to change; see 'tidemark replicate set --help'");
            }
            Answer replica = access.client().patch(ApiPath.of("replicas", name), request);
            output.answer(replica, shown(replica));
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "test",
            description = {
                "Read the newest point of each container from the replica alone and compare every chunk with its hash.",
                "Nothing is written or promoted. To look into a point, restore it elsewhere, or export it read only:"
                        + " 'tidemark restore NAME --target REPLICA', 'tidemark export'."
            },
            mixinStandardHelpOptions = true)
    static final class Test implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Mixin
        private JobRun run = new JobRun();

        @Parameters(
                index = "0",
                paramLabel = "NAME",
                description = "The replica.",
                completionCandidates = Candidates.Replicas.class)
        private String name = "";

        @Parameters(
                index = "1",
                arity = "0..1",
                paramLabel = "CONTAINER",
                description = "This container alone.",
                completionCandidates = Candidates.Containers.class)
        private @Nullable String container;

        @Override
        public Integer call() throws IOException {
            Optional<Answer> job = run.start(
                    access.client(),
                    ApiPath.of("replicas", name, "test"),
                    ApplianceClient.body("container", container),
                    output);
            if (job.isPresent()) {
                Answer result = job.get().object("result");
                output.object(fields(
                        "replica", name,
                        "points", result.number("points"),
                        "chunksRead", result.number("chunks"),
                        "damages", result.texts("damages").size(),
                        "job", job.get().text("id")));
            }
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "promote",
            description = {
                "Make a replica a target of its own, to which backups go. Says what is lost.",
                "Refused unless the source answers, nothing backs up to it any more, and the replica has all its points; or"
                        + " unless you type the source's name, because you know that it is gone."
            },
            mixinStandardHelpOptions = true)
    static final class Promote implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "NAME", description = "The replica.", completionCandidates = Candidates.Replicas.class)
        private String name = "";

        @Option(
                names = "--really",
                paramLabel = "SOURCE",
                description = "Without proof: the name of its source, to which nothing must write any more.")
        private @Nullable String really;

        @Option(names = "--policies", description = "Policies that back up to the source back up here from now on.")
        private boolean policies;

        @Override
        public Integer call() throws IOException {
            Answer done = access.client()
                    .post(
                            ApiPath.of("replicas", name, "promote"),
                            ApplianceClient.body("really", really, "policies", policies));
            List<String> lost = done.objects("losses").stream()
                    .filter(loss -> loss.number("points") > 0)
                    .map(loss -> loss.text("sentence"))
                    .toList();
            output.answer(
                    done,
                    fields(
                            "target",
                            name,
                            "promoted",
                            true,
                            "lost",
                            lost.isEmpty() ? "nothing that is known" : String.join("; ", lost),
                            "policies",
                            done.texts("movedPolicies").isEmpty()
                                    ? "none came along"
                                    : String.join(", ", done.texts("movedPolicies"))));
            done.texts("doubts").forEach(doubt -> System.err.println("note: " + doubt));
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "remove",
            description = "End a replica and forget its target. What it holds stays.",
            mixinStandardHelpOptions = true)
    static final class Remove implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "NAME", description = "The replica.", completionCandidates = Candidates.Replicas.class)
        private String name = "";

        @Override
        public Integer call() throws IOException {
            access.client().delete(ApiPath.of("replicas", name));
            output.object(fields("replica", name, "removed", true));
            return ExitCodes.DONE;
        }
    }

    private static String state(Answer replica) {
        return replica.flag("enabled") ? words(replica) : words(replica) + ", paused";
    }

    private static String words(Answer answer) {
        return JobRun.word(answer, "state").replace('_', ' ');
    }

    private static Map<String, @Nullable Object> shown(Answer replica) {
        Map<String, @Nullable Object> shown = fields(
                "replica", replica.text("name"),
                "of", replica.text("source"),
                "state", state(replica),
                "behind", Times.length(replica.number("lagSeconds")),
                "rpo", Times.length(replica.number("rpoSeconds")),
                "every", Times.length(replica.number("everySeconds")),
                "bandwidth", replica.text("bandwidth"),
                "last good run", Times.brief(replica.text("lastSuccessAt")));
        if (replica.has("lastError")) {
            shown.put("last error", replica.text("lastError"));
        }
        if (replica.has("trouble")) {
            shown.put("look at", replica.text("trouble"));
        }
        return shown;
    }
}
