package org.tidemark.appliance.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;

/** {@code tidemark man}: writes manual pages. */
@Command(
        name = "man",
        description = "Write a manual page of every command into a folder.",
        mixinStandardHelpOptions = true,
        footer = {"", "tidemark man /usr/local/share/man/man1; man tidemark-restore"})
final class ManCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Parameters(paramLabel = "DIR", description = "Where to; made when it is not there.")
    private Path folder = Path.of("");

    @Override
    public Integer call() throws IOException {
        Files.createDirectories(folder);
        int pages = write(Tidemark.commandLine());
        output.object(Output.fields("folder", folder.toString(), "pages", pages));
        return ExitCodes.DONE;
    }

    private int write(CommandLine line) throws IOException {
        CommandSpec spec = line.getCommandSpec();
        if (spec.usageMessage().hidden()) {
            return 0;
        }
        Files.writeString(folder.resolve(ManPage.name(spec) + ".1"), new ManPage(spec).text(), StandardCharsets.UTF_8);
        int pages = 1;
        for (CommandLine sub : line.getSubcommands().values()) {
            pages += write(sub);
        }
        return pages;
    }
}
