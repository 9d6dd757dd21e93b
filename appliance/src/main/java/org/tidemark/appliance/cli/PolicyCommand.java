package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApiPath;
import org.tidemark.appliance.client.ApplianceClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code tidemark policy ...}. */
@Command(
        name = "policy",
        description = "What is backed up when, where to, and how long it is kept.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            PolicyCommand.Add.class,
            PolicyCommand.ListAll.class,
            PolicyCommand.Show.class,
            PolicyCommand.Update.class,
            PolicyCommand.Remove.class
        })
final class PolicyCommand {
    private static final String POLICIES = "/policies";

    @Command(
            name = "add",
            description =
                    "Make a policy: containers, a target, a schedule, and what is kept (everything, if not said).",
            mixinStandardHelpOptions = true)
    static final class Add implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Mixin
        private PolicyOptions options = new PolicyOptions();

        @Parameters(paramLabel = "NAME", description = "What to call it.")
        private String name = "";

        @Override
        public Integer call() throws IOException {
            ApplianceClient client = access.client();
            show(output, client, client.post(POLICIES, options.request(name, Answer.EMPTY)));
            return ExitCodes.DONE;
        }
    }

    @Command(name = "list", description = "List policies.", mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Override
        public Integer call() throws IOException {
            output.answers(
                    access.client().list(POLICIES),
                    policy -> fields(
                            "policy", policy.text("name"),
                            "enabled", policy.flag("enabled"),
                            "when", policy.text("sentence"),
                            "target", policy.text("target"),
                            "containers", String.join(", ", policy.texts("containers")),
                            "next run", Times.brief(policy.text("nextRunAt"))),
                    "there is no policy; add one with 'tidemark policy add'");
            return ExitCodes.DONE;
        }
    }

    @Command(name = "show", description = "Show one policy.", mixinStandardHelpOptions = true)
    static final class Show implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "NAME", description = "The policy.", completionCandidates = Candidates.Policies.class)
        private String name = "";

        @Override
        public Integer call() throws IOException {
            ApplianceClient client = access.client();
            show(output, client, client.get(ApiPath.of("policies", name)));
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "update",
            description = "Change a policy. What is not given stays; --keep-... 0 takes a rule away.",
            mixinStandardHelpOptions = true)
    static final class Update implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Mixin
        private PolicyOptions options = new PolicyOptions();

        @Parameters(paramLabel = "NAME", description = "The policy.", completionCandidates = Candidates.Policies.class)
        private String name = "";

        @Override
        public Integer call() throws IOException {
            ApplianceClient client = access.client();
            String path = ApiPath.of("policies", name);
            show(output, client, client.put(path, options.request(name, client.get(path))));
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "remove",
            description = "Remove a policy. Containers, targets and points stay.",
            mixinStandardHelpOptions = true)
    static final class Remove implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "NAME", description = "The policy.", completionCandidates = Candidates.Policies.class)
        private String name = "";

        @Override
        public Integer call() throws IOException {
            access.client().delete(ApiPath.of("policies", name));
            output.object(fields("policy", name, "removed", true));
            return ExitCodes.DONE;
        }
    }

    private static void show(Output output, ApplianceClient client, Answer policy) throws IOException {
        if (output.isJson()) {
            output.object(policy.fields());
            return;
        }
        Map<String, @Nullable Object> look = new LinkedHashMap<>();
        look.put("schedule", policy.value("schedule"));
        look.put("retention", policy.value("retention"));
        Answer preview = client.post(POLICIES + "/preview", look);
        output.object(fields(
                "policy", policy.text("name"),
                "enabled", policy.flag("enabled"),
                "containers", String.join(", ", policy.texts("containers")),
                "target", policy.text("target"),
                "when", preview.text("sentence"),
                "kept", preview.text("retentionSentence"),
                "last run", Times.brief(policy.text("lastRunAt")),
                "next run", Times.brief(policy.text("nextRunAt"))));
    }
}
