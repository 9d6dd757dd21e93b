package org.tidemark.appliance.cli;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApiPath;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark point ...}. */
@Command(
        name = "point",
        description = "Keep a recovery point whatever the policies say, or no longer.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {PointCommand.Protect.class, PointCommand.Unprotect.class})
final class PointCommand {
    /** Which point. */
    static final class Which {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(
                index = "0",
                paramLabel = "NAME",
                description = "The container.",
                completionCandidates = Candidates.Containers.class)
        private String name = "";

        @Parameters(index = "1", paramLabel = "POINT", description = "latest, the start of the point's id, or a time.")
        private String point = "";

        @Option(
                names = "--target",
                paramLabel = "NAME",
                description = "Which target; may be left out when there is only one.",
                completionCandidates = Candidates.Targets.class)
        private @Nullable String target;

        Integer set(boolean isProtected) throws IOException {
            String path = ApiPath.query(
                    ApiPath.of("containers", name, "points", Times.selector(point), "protection"), "target", target);
            Answer answer = access.client().put(path, Map.of("protected", isProtected));
            output.object(PointsCommand.row(answer, output.isJson()));
            return ExitCodes.DONE;
        }
    }

    @Command(name = "protect", description = "No policy lets this point expire.", mixinStandardHelpOptions = true)
    static final class Protect implements Callable<Integer> {
        @Mixin
        private Which which = new Which();

        @Override
        public Integer call() throws IOException {
            return which.set(true);
        }
    }

    @Command(
            name = "unprotect",
            description = "The policies decide about this point again.",
            mixinStandardHelpOptions = true)
    static final class Unprotect implements Callable<Integer> {
        @Mixin
        private Which which = new Which();

        @Override
        public Integer call() throws IOException {
            return which.set(false);
        }
    }
}
