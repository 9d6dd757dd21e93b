package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.Catalogue;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.service.Repositories;
import org.tidemark.backup.repository.BackupRepository;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code tidemark target ...}. */
@Command(
        name = "target",
        description = "Where backups go.",
        mixinStandardHelpOptions = true,
        subcommands = {
            TargetCommand.Add.class,
            TargetCommand.ListAll.class,
            TargetCommand.Show.class,
            TargetCommand.Remove.class
        })
final class TargetCommand {

    @Command(
            name = "add",
            description = "Make a folder a target: with a new repository, or with the one that is in it.",
            mixinStandardHelpOptions = true)
    static final class Add implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(index = "0", paramLabel = "NAME")
        private String name = "";

        @Parameters(index = "1", paramLabel = "FOLDER")
        private Path folder = Path.of("");

        @Override
        public Integer call() throws IOException {
            Catalogue catalogue = Catalogue.ofEnvironment(System.getenv());
            output.object(describe(new Repositories(catalogue).add(name, folder)));
            return ExitCodes.DONE;
        }
    }

    @Command(name = "list", description = "List targets.", mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Override
        public Integer call() throws IOException {
            List<Map<String, @Nullable Object>> rows = new ArrayList<>();
            for (TargetEntry entry : Catalogue.ofEnvironment(System.getenv()).targets()) {
                rows.add(describe(entry));
            }
            output.rows(rows, "there is no target; add one with 'tidemark target add'");
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

        @Parameters(paramLabel = "NAME")
        private String name = "";

        @Override
        public Integer call() throws IOException {
            Catalogue catalogue = Catalogue.ofEnvironment(System.getenv());
            TargetEntry entry = catalogue.target(name);
            Map<String, @Nullable Object> fields = describe(entry);
            try (BackupRepository repository = new Repositories(catalogue).open(entry)) {
                fields.put("containers", repository.containers());
            }
            output.object(fields);
            return ExitCodes.DONE;
        }
    }

    @Command(name = "remove", description = "Forget a target. What it holds stays.", mixinStandardHelpOptions = true)
    static final class Remove implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(paramLabel = "NAME")
        private String name = "";

        @Override
        public Integer call() throws IOException {
            Catalogue.ofEnvironment(System.getenv()).removeTarget(name);
            output.object(fields("target", name, "removed", true));
            return ExitCodes.DONE;
        }
    }

    private static Map<String, @Nullable Object> describe(TargetEntry entry) {
        return fields(
                "target",
                entry.name(),
                "kind",
                "local",
                "path",
                entry.path().toString(),
                "repository",
                entry.repositoryId());
    }
}
