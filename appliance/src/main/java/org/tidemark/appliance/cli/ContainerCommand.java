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
import org.tidemark.appliance.persistence.ContainerEntry;
import org.tidemark.ploop.chain.AttachedImage;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark container ...}. */
@Command(
        name = "container",
        description = "The containers to protect.",
        mixinStandardHelpOptions = true,
        subcommands = {
            ContainerCommand.Add.class,
            ContainerCommand.ListAll.class,
            ContainerCommand.Show.class,
            ContainerCommand.Remove.class
        })
final class ContainerCommand {

    @Command(name = "add", description = "Remember a container by its images.", mixinStandardHelpOptions = true)
    static final class Add implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(paramLabel = "NAME")
        private String name = "";

        @Option(
                names = "--image",
                required = true,
                paramLabel = "[ID=]PATH",
                description = "An image; give the option once for each. The first one is called 'root' unless named.")
        private List<String> images = new ArrayList<>();

        @Override
        public Integer call() throws IOException {
            List<ContainerEntry.Image> entries = new ArrayList<>();
            for (String word : images) {
                int equals = word.indexOf('=');
                String id =
                        equals > 0 ? word.substring(0, equals) : entries.isEmpty() ? "root" : "disk" + entries.size();
                Path path = Path.of(word.substring(equals > 0 ? equals + 1 : 0)).toRealPath();
                AttachedImage.filesOf(path);
                entries.add(new ContainerEntry.Image(id, path));
            }
            Catalogue.ofEnvironment(System.getenv()).add(new ContainerEntry(name, entries));
            output.object(describe(new ContainerEntry(name, entries)));
            return ExitCodes.DONE;
        }
    }

    @Command(name = "list", description = "List containers.", mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Override
        public Integer call() throws IOException {
            List<Map<String, @Nullable Object>> rows = new ArrayList<>();
            for (ContainerEntry entry : Catalogue.ofEnvironment(System.getenv()).containers()) {
                rows.add(describe(entry));
            }
            output.rows(rows, "there is no container; add one with 'tidemark container add'");
            return ExitCodes.DONE;
        }
    }

    @Command(name = "show", description = "Show one container.", mixinStandardHelpOptions = true)
    static final class Show implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(paramLabel = "NAME")
        private String name = "";

        @Override
        public Integer call() throws IOException {
            output.object(describe(Catalogue.ofEnvironment(System.getenv()).container(name)));
            return ExitCodes.DONE;
        }
    }

    @Command(
            name = "remove",
            description = "Forget a container. Its images and its recovery points stay.",
            mixinStandardHelpOptions = true)
    static final class Remove implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(paramLabel = "NAME")
        private String name = "";

        @Override
        public Integer call() throws IOException {
            Catalogue.ofEnvironment(System.getenv()).removeContainer(name);
            output.object(fields("container", name, "removed", true));
            return ExitCodes.DONE;
        }
    }

    private static Map<String, @Nullable Object> describe(ContainerEntry entry) {
        return fields(
                "container",
                entry.name(),
                "images",
                entry.images().stream()
                        .map(image -> image.id() + "=" + image.path())
                        .toList());
    }
}
