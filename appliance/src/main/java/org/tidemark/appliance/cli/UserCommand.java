package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
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

/** {@code tidemark user ...}. */
@Command(
        name = "user",
        description = "Who may sign in.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            UserCommand.Add.class,
            UserCommand.ListAll.class,
            UserCommand.Update.class,
            UserCommand.Remove.class
        })
final class UserCommand {
    private static final String ROLE = "viewer (looks), operator (also backs up and restores), or admin (everything).";
    private static final String PASSWORD_FILE =
            "File whose first line is the password; asked at the terminal if not given.";

    @Command(
            name = "add",
            description = "Add a user. The password is asked, or read from a file.",
            mixinStandardHelpOptions = true)
    static final class Add implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "NAME", description = "The name to sign in with.")
        private String name = "";

        @Option(names = "--role", paramLabel = "ROLE", required = true, description = ROLE)
        private String role = "";

        @Option(names = "--password-file", paramLabel = "FILE", description = PASSWORD_FILE)
        private @Nullable Path passwordFile;

        @Override
        public Integer call() throws IOException {
            ApplianceClient client = access.client();
            Answer user = client.post(
                    "/users",
                    Map.of(
                            "userName", name,
                            "role", role.toLowerCase(Locale.ROOT),
                            "password", Secrets.password(passwordFile, "password for " + name)));
            output.answer(user, row(user));
            return ExitCodes.DONE;
        }
    }

    @Command(name = "list", description = "List users.", mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Override
        public Integer call() throws IOException {
            output.answers(
                    access.client().list("/users"),
                    UserCommand::row,
                    "there is no user; the link that 'tidemark serve' prints makes the first one");
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "update",
            description = "Another role or password for a user; or lock the user out, or in again.",
            mixinStandardHelpOptions = true)
    static final class Update implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "NAME", description = "The user.", completionCandidates = Candidates.Users.class)
        private String name = "";

        @Option(names = "--role", paramLabel = "ROLE", description = ROLE)
        private @Nullable String role;

        @Option(names = "--password", description = "Ask for another password.")
        private boolean password;

        @Option(names = "--password-file", paramLabel = "FILE", description = "File whose first line is the password.")
        private @Nullable Path passwordFile;

        @Option(names = "--disable", description = "The user may no longer sign in.")
        private boolean disable;

        @Option(names = "--enable", description = "The user may sign in again.")
        private boolean enable;

        @Override
        public Integer call() throws IOException {
            if (disable && enable) {
                throw ApplianceException.usage("give one of --enable and --disable");
            }
            String fresh = password || passwordFile != null
                    ? Secrets.password(passwordFile, "new password for " + name)
                    : null;
            Answer user = access.client()
                    .patch(
                            ApiPath.of("users", name),
                            ApplianceClient.body(
                                    "role", role == null ? null : role.toLowerCase(Locale.ROOT),
                                    "password", fresh,
                                    "disabled", disable ? Boolean.TRUE : enable ? Boolean.FALSE : null));
            output.answer(user, row(user));
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "remove",
            description = "Remove a user; never the last administrator.",
            mixinStandardHelpOptions = true)
    static final class Remove implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Mixin
        private ApplianceAccess access = new ApplianceAccess();

        @Parameters(paramLabel = "NAME", description = "The user.", completionCandidates = Candidates.Users.class)
        private String name = "";

        @Override
        public Integer call() throws IOException {
            access.client().delete(ApiPath.of("users", name));
            output.object(fields("user", name, "removed", true));
            return ExitCodes.DONE;
        }
    }

    private static Map<String, @Nullable Object> row(Answer user) {
        return fields(
                "user", user.text("userName"),
                "role", JobRun.word(user, "role"),
                "disabled", user.flag("disabled"),
                "made", Times.brief(user.text("createdAt")),
                "last sign-in", Times.brief(user.text("lastSignInAt")));
    }
}
