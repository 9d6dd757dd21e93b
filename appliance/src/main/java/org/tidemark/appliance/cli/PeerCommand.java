package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApiPath;
import org.tidemark.appliance.client.ApplianceClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark peer ...}. */
@Command(
        name = "peer",
        description = "Other appliances, to which containers can move.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            PeerCommand.Invite.class,
            PeerCommand.Add.class,
            PeerCommand.ListAll.class,
            PeerCommand.Remove.class
        })
final class PeerCommand {
    private static final String PEERS = "/peers";

    @Command(
            name = "invite",
            description =
                    "Make an invitation for one other appliance, good for one use and 15 minutes. Shown this once.",
            mixinStandardHelpOptions = true)
    static final class Invite implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Override
        public Integer call() throws IOException {
            Answer made = access.client().post(PEERS + "/invitations", ApplianceClient.body());
            output.answer(
                    made,
                    fields(
                            "invitation", made.text("invitation"),
                            "expires", Times.brief(made.text("expiresAt")),
                            "use it there with", "tidemark peer add NAME INVITATION"));
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "add",
            description =
                    "Pair with the appliance that made an invitation. Each knows the other by its key from then on.",
            mixinStandardHelpOptions = true)
    static final class Add implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(index = "0", paramLabel = "NAME", description = "What to call it here.")
        private String name = "";

        @Parameters(index = "1", paramLabel = "INVITATION", description = "What 'tidemark peer invite' printed there.")
        private String invitation = "";

        @Option(
                names = "--as",
                paramLabel = "NAME",
                description = "What this one is called there (usual: its host name).")
        private @Nullable String as;

        @Override
        public Integer call() throws IOException {
            Answer peer =
                    access.client().post(PEERS, ApplianceClient.body("name", name, "invitation", invitation, "as", as));
            output.answer(
                    peer,
                    fields(
                            "name", peer.text("name"),
                            "address", peer.text("address"),
                            "fingerprint", peer.text("fingerprint")));
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "list",
            description = "List the appliances that this one is paired with.",
            mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Override
        public Integer call() throws IOException {
            output.answers(
                    access.client().list(PEERS),
                    peer -> fields(
                            "name", peer.text("name"),
                            "address", peer.has("address") ? peer.text("address") : "only comes to us",
                            "fingerprint", peer.text("fingerprint").substring(0, 16),
                            "paired", Times.brief(peer.text("pairedAt"))),
                    "there is no peer; 'tidemark peer invite' on the other appliance, 'tidemark peer add' here");
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "remove",
            description = "Forget an appliance: it may not come any more. What has moved stays where it is.",
            mixinStandardHelpOptions = true)
    static final class Remove implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "NAME", description = "Its name.", completionCandidates = Candidates.Peers.class)
        private String name = "";

        @Override
        public Integer call() throws IOException {
            access.client().delete(ApiPath.of("peers", name));
            output.object(fields("peer", name, "removed", true));
            return ExitCodes.DONE;
        }
    }
}
