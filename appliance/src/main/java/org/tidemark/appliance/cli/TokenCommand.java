package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.client.Answer;
import org.tidemark.appliance.client.ApiPath;
import org.tidemark.appliance.client.ApplianceClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark token ...}. */
@Command(
        name = "token",
        description = "Keys with which programs speak to the appliance.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {TokenCommand.Add.class, TokenCommand.ListAll.class, TokenCommand.Remove.class})
final class TokenCommand {
    @Command(
            name = "add",
            description = "Make a token. It is shown this once and never again.",
            mixinStandardHelpOptions = true)
    static final class Add implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "NAME", description = "What it is for.")
        private String name = "";

        @Option(
                names = "--scope",
                paramLabel = "SCOPE",
                split = ",",
                required = true,
                description = "What it allows: read, backup, restore, admin; several with commas.")
        private List<String> scopes = new ArrayList<>();

        @Option(names = "--days", paramLabel = "N", description = "How long it is good; until removed when left out.")
        private @Nullable Integer days;

        @Override
        public Integer call() throws IOException {
            Answer token = access.client()
                    .post(
                            "/tokens",
                            ApplianceClient.body(
                                    "name", name,
                                    "scopes",
                                            scopes.stream()
                                                    .map(scope -> scope.toLowerCase(Locale.ROOT))
                                                    .toList(),
                                    "expiresInDays", days));
            output.answer(
                    token,
                    fields(
                            "id", token.text("id"),
                            "name", token.text("name"),
                            "scopes", String.join(", ", token.texts("scopes")),
                            "expires", Times.brief(token.text("expiresAt")),
                            "token", token.text("secret")));
            return ExitCodes.DONE;
        }
    }

    @Command(name = "list", description = "List tokens, without their secrets.", mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Override
        public Integer call() throws IOException {
            output.answers(
                    access.client().list("/tokens"),
                    token -> fields(
                            "id", token.text("id"),
                            "name", token.text("name"),
                            "scopes", String.join(", ", token.texts("scopes")),
                            "made by", token.text("createdBy"),
                            "expires", Times.brief(token.text("expiresAt")),
                            "last used", Times.brief(token.text("lastUsedAt")),
                            "removed", Times.brief(token.text("revokedAt"))),
                    "there is no token; add one with 'tidemark token add'");
            return ExitCodes.DONE;
        }
    }

    @Command(name = "remove", description = "Revoke a token; it is refused at once.", mixinStandardHelpOptions = true)
    static final class Remove implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "ID", description = "Its id.", completionCandidates = Candidates.Tokens.class)
        private String id = "";

        @Override
        public Integer call() throws IOException {
            access.client().delete(ApiPath.of("tokens", id));
            output.object(fields("token", id, "removed", true));
            return ExitCodes.DONE;
        }
    }
}
