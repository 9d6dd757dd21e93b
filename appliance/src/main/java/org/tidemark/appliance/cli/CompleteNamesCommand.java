package org.tidemark.appliance.cli;

import java.io.IOException;
import java.util.concurrent.Callable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApplianceClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code tidemark complete-names}: what a shell offers. Says nothing when it cannot ask. */
@Command(name = "complete-names", hidden = true, description = "Names for completion.", mixinStandardHelpOptions = true)
final class CompleteNamesCommand implements Callable<Integer> {
    private static final int MOST = 200;

    @Mixin
    private ApplianceAccess access = new ApplianceAccess();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(paramLabel = "KIND", description = "container, target, replica, policy, job, peer, token or user.")
    private String kind = "";

    @Override
    public Integer call() {
        String list = kind.equals("policy") ? "/policies" : "/" + kind + "s";
        String field =
                switch (kind) {
                    case "job", "token" -> "id";
                    case "user" -> "userName";
                    default -> "name";
                };
        try {
            ApplianceClient client = access.client();
            for (Answer one : client.list(list, MOST)) {
                spec.commandLine().getOut().println(one.text(field));
            }
            spec.commandLine().getOut().flush();
            return ExitCodes.DONE;
        } catch (IOException e) {
            return ExitCodes.FAILED;
        }
    }
}
