package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApiPath;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark target ...}. */
@Command(
        name = "target",
        description = "Where backups go.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            TargetCommand.Add.class,
            TargetCommand.ListAll.class,
            TargetCommand.Show.class,
            TargetCommand.Test.class,
            TargetCommand.Update.class,
            TargetCommand.Remove.class
        })
final class TargetCommand {
    private static final String TARGETS = "/targets";
    private static final String NFS_SCHEME = "nfs://";
    static final String CREDENTIALS =
            "Where the keys are: environment or file:PATH[:PROFILE] (of the appliance), store (those of AWS_ACCESS_KEY_ID"
                    + " and AWS_SECRET_ACCESS_KEY here, kept encrypted), or ask (at the terminal).";

    @Command(
            name = "add",
            description =
                    "Make a folder, a bucket or a folder on an NFS server a target: with a new repository, or with the one that is in it.",
            mixinStandardHelpOptions = true)
    static final class Add implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Mixin
        private S3Options s3 = new S3Options();

        @Parameters(index = "0", paramLabel = "NAME", description = "What to call it.")
        private String name = "";

        @Parameters(
                index = "1",
                paramLabel = "PLACE",
                description =
                        "A folder, s3://BUCKET[/PREFIX], or nfs://SERVER/EXPORT/PATH[?uid=N&gid=N], without a mount.")
        private String place = "";

        @Option(names = "--credentials", paramLabel = "WHERE", description = CREDENTIALS)
        private @Nullable String credentials;

        @Option(names = "--max-jobs", paramLabel = "N", description = "At most so many jobs at once (usual: 2).")
        private @Nullable Integer maxJobs;

        @Override
        public Integer call() throws IOException {
            Map<String, @Nullable Object> request = ApplianceClient.body("name", name);
            request.putAll(place(place, s3, credentials, maxJobs));
            ApplianceClient client = access.client();
            if (!request.containsKey("local")) {
                Answer test = client.post(TARGETS + "/test", request);
                say(output, test);
                demandOk(test);
            }
            Answer made = client.post(TARGETS, request);
            output.answer(made, shown(made));
            return ExitCodes.DONE;
        }
    }

    /** A place as it is given on the command line. */
    static Map<String, @Nullable Object> place(
            String place, S3Options s3, @Nullable String credentials, @Nullable Integer maxJobs) throws IOException {
        boolean bucket = place.startsWith(S3Options.SCHEME);
        boolean nfs = place.startsWith(NFS_SCHEME);
        if (!bucket && (s3.isGiven() || credentials != null)) {
            throw ApplianceException.usage("'" + place + "' is no bucket; the options of S3 do not go with it");
        }
        return ApplianceClient.body(
                "kind", bucket ? "S3" : nfs ? "NFS" : "LOCAL",
                "local", bucket || nfs ? null : Map.of("path", folder(place)),
                "nfs", nfs ? Map.of("address", place) : null,
                "s3", bucket ? s3.settings(place, credentials) : null,
                "maxJobs", maxJobs);
    }

    private static String folder(String place) {
        return Path.of(place).toAbsolutePath().normalize().toString();
    }

    @Command(name = "list", description = "List targets.", mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Override
        public Integer call() throws IOException {
            output.answers(
                    access.client().list(TARGETS),
                    target -> fields(
                            "target", target.text("name"),
                            "kind", JobRun.word(target, "kind"),
                            "state", state(target),
                            "jobs", target.number("maxJobs"),
                            "address", target.text("address")),
                    "there is no target; add one with 'tidemark target add'");
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "show",
            description = "Show one target and the containers it holds points of.",
            mixinStandardHelpOptions = true)
    static final class Show implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "NAME", description = "The target.", completionCandidates = Candidates.Targets.class)
        private String name = "";

        @Override
        public Integer call() throws IOException {
            ApplianceClient client = access.client();
            Answer target = client.get(ApiPath.of("targets", name));
            Map<String, @Nullable Object> shown = shown(target);
            if (target.object("status").flag("reachable")) {
                Object containers =
                        client.get(ApiPath.of("targets", name, "containers")).texts("items");
                shown.put("containers", containers);
                target.fields().put("containers", containers);
            }
            output.answer(target, shown);
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "test",
            description = "Try everything a backup does there: write, read, list, delete.",
            mixinStandardHelpOptions = true)
    static final class Test implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "NAME", description = "The target.", completionCandidates = Candidates.Targets.class)
        private String name = "";

        @Override
        public Integer call() throws IOException {
            Answer test = access.client().post(ApiPath.of("targets", name, "test"), Map.of());
            if (output.isJson()) {
                output.object(test.fields());
            } else {
                say(output, test);
                demandOk(test);
            }
            return test.flag("ok")
                    ? ExitCodes.DONE
                    : FailureKind.ofCode(test.object("error").text("code")).exitCode();
        }
    }

    @Command(
            name = "update",
            description = "Other credentials for a target, or another bound of its jobs. Its place stays.",
            mixinStandardHelpOptions = true)
    static final class Update implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "NAME", description = "The target.", completionCandidates = Candidates.Targets.class)
        private String name = "";

        @Option(names = "--credentials", paramLabel = "WHERE", description = CREDENTIALS)
        private @Nullable String credentials;

        @Option(names = "--max-jobs", paramLabel = "N", description = "At most so many jobs at once.")
        private @Nullable Integer maxJobs;

        @Override
        public Integer call() throws IOException {
            if (credentials == null && maxJobs == null) {
                throw ApplianceException.usage("there is nothing to change; give --credentials or --max-jobs");
            }
            Answer target = access.client()
                    .patch(
                            ApiPath.of("targets", name),
                            ApplianceClient.body(
                                    "maxJobs",
                                    maxJobs,
                                    "credentials",
                                    credentials == null ? null : S3Options.credentials(credentials)));
            output.answer(target, shown(target));
            return ExitCodes.DONE;
        }
    }

    @Command(name = "remove", description = "Forget a target. What it holds stays.", mixinStandardHelpOptions = true)
    static final class Remove implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "NAME", description = "The target.", completionCandidates = Candidates.Targets.class)
        private String name = "";

        @Override
        public Integer call() throws IOException {
            access.client().delete(ApiPath.of("targets", name));
            output.object(fields("target", name, "removed", true));
            return ExitCodes.DONE;
        }
    }

    /** The steps of a test, for people. */
    private static void say(Output output, Answer test) {
        for (Answer step : test.objects("steps")) {
            output.say((step.flag("ok") ? "ok      " : "FAILED  ") + step.text("name") + "  " + step.number("millis")
                    + " ms  " + step.text("detail"));
        }
        if (test.has("notice")) {
            output.say("note: " + test.text("notice"));
        }
    }

    private static void demandOk(Answer test) throws ApplianceException {
        if (!test.flag("ok")) {
            Answer error = test.object("error");
            throw new ApplianceException(FailureKind.ofCode(error.text("code")), error.text("detail"));
        }
    }

    private static String state(Answer target) {
        if (!target.has("status")) {
            return "not asked yet";
        }
        Answer status = target.object("status");
        return status.flag("reachable") ? "reachable" : "NOT REACHABLE";
    }

    private static Map<String, @Nullable Object> shown(Answer target) {
        Map<String, @Nullable Object> shown = fields(
                "target", target.text("name"),
                "kind", JobRun.word(target, "kind"),
                "address", target.text("address"),
                "repository", target.text("repositoryId"),
                "state", state(target),
                "jobs at once", target.number("maxJobs"));
        if (target.has("replicaOf")) {
            shown.put("replica of", target.text("replicaOf"));
        }
        Answer status = target.object("status");
        if (status.has("error")) {
            shown.put("error", status.text("error"));
        }
        Answer credentials = target.object("s3").object("credentials");
        if (credentials.has("source")) {
            shown.put("credentials", JobRun.word(credentials, "source"));
        }
        if (target.flag("singleWriter")) {
            shown.put("single writer", true);
        }
        if (target.has("notice")) {
            shown.put("note", target.text("notice"));
        }
        return shown;
    }
}
