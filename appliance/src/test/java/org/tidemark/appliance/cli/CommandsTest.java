package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.testing.Commands;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** What every command has: a description, help, a page of the manual, a place in the completion. */
class CommandsTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    private Path folder;

    private static List<CommandLine> all(CommandLine line) {
        List<CommandLine> found = new ArrayList<>(List.of(line));
        line.getSubcommands().values().forEach(sub -> found.addAll(all(sub)));
        return found;
    }

    private static List<CommandSpec> shown() {
        return all(Tidemark.commandLine()).stream()
                .map(CommandLine::getCommandSpec)
                .filter(spec -> !spec.usageMessage().hidden())
                .toList();
    }

    private static String printed(String... arguments) {
        StringWriter out = new StringWriter();
        CommandLine line = Tidemark.commandLine().setOut(new PrintWriter(out));
        assertThat(line.execute(arguments)).as(out.toString()).isZero();
        return out.toString();
    }

    @Test
    void everyCommandHasADescriptionAndHelp() {
        for (CommandSpec spec : shown()) {
            String name = spec.qualifiedName();
            assertThat(spec.usageMessage().description()).as(name).isNotEmpty();
            assertThat(spec.optionsMap()).as(name).containsKeys("--help", "--version");
            for (OptionSpec option : spec.options()) {
                assertThat(option.hidden() || option.description().length > 0)
                        .as(name + " " + option.longestName() + " has no description")
                        .isTrue();
            }
            spec.positionalParameters().forEach(parameter -> assertThat(parameter.description())
                    .as(name + " " + parameter.paramLabel() + " has no description")
                    .isNotEmpty());
            List<String> line = new ArrayList<>(List.of(name.split(" ")));
            line.remove(0);
            line.add("--help");
            assertThat(printed(line.toArray(String[]::new))).as(name).contains("Usage: " + name);
        }
    }

    @Test
    void theNamesOfTheTableAreThoseOfTheCommands() {
        for (Map.Entry<String, CommandLine> sub :
                Tidemark.commandLine().getSubcommands().entrySet()) {
            CommandLine.Command annotation =
                    sub.getValue().getCommandSpec().userObject().getClass().getAnnotation(CommandLine.Command.class);
            assertThat(sub.getKey()).isEqualTo(annotation.name());
        }
    }

    @Test
    void optionsThatTakeNamesOfTheApplianceDifferInTheirLabels() {
        for (CommandSpec spec : shown()) {
            List<String> labels = spec.options().stream()
                    .filter(option -> option.completionCandidates() instanceof Candidates)
                    .map(OptionSpec::paramLabel)
                    .toList();
            assertThat(labels).as(spec.qualifiedName()).doesNotHaveDuplicates();
        }
    }

    @Test
    void completionOfShells() throws Exception {
        for (String shell : List.of("bash", "zsh", "fish")) {
            Path script = Files.writeString(folder.resolve(shell), printed("completion", shell));
            if (isThere(shell)) {
                Commands.run(LIMIT, shell, "-n", script.toString());
            } else {
                System.out.println(shell + " is not there; its completion is not checked");
            }
            for (CommandSpec spec : shown()) {
                assertThat(Files.readString(script)).as(shell).contains(spec.name());
            }
        }
        assertThat(completed("tidemark", "conta")).contains("container");
        assertThat(completed("tidemark", "container", "re")).contains("remove");
        assertThat(completed("tidemark", "backup", "--no")).contains("--no-wait");
    }

    @Test
    void completionAsksTheApplianceForNames() throws Exception {
        Path program = Files.writeString(folder.resolve("tidemark"), "#!/bin/sh\necho \"$2-one\"; echo \"$2-two\"\n");
        assertThat(program.toFile().setExecutable(true)).isTrue();
        assertThat(completed("tidemark", "backup", "container-o"))
                .contains("container-one")
                .doesNotContain("two");
        assertThat(completed("tidemark", "policy", "add", "p", "--target", "target-t"))
                .contains("target-two");
        assertThat(completed("tidemark", "policy", "add", "p", "--container", "container-t"))
                .contains("container-two");
        assertThat(completed("tidemark", "token", "remove", "")).contains("token-one", "token-two");
    }

    private String completed(String... words) throws IOException, InterruptedException {
        Path script = Files.writeString(folder.resolve("bash"), printed("completion", "bash"));
        String line = "COMP_WORDS=(" + String.join(" ", words).replaceAll(" $", " ''") + "); COMP_CWORD="
                + (words.length - 1) + "; PATH=" + folder + ":$PATH; _complete_tidemark 2>/dev/null;"
                + " echo \"${COMPREPLY[@]}\"";
        return Commands.run(LIMIT, "bash", "-c", ". " + script + "; " + line);
    }

    @Test
    void pagesOfTheManual() throws Exception {
        printed("man", folder.toString());
        List<CommandSpec> shown = shown();
        boolean checked = isThere("groff");
        for (CommandSpec spec : shown) {
            Path page = folder.resolve(spec.qualifiedName("-") + ".1");
            assertThat(page).content().startsWith(".TH ").contains(".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS");
            if (checked) {
                Commands.Result result =
                        Commands.tryRun(LIMIT, "sh", "-c", "groff -man -ww -Tutf8 '" + page + "' 2>&1 >/dev/null");
                assertThat(result.exitCode()).isZero();
                assertThat(result.output()).as(page.toString()).isEmpty();
            }
        }
        assertThat(folder.toFile().list((where, name) -> name.endsWith(".1"))).hasSameSizeAs(shown);
        assertThat(folder.resolve("tidemark-demo-load.1")).doesNotExist();
    }

    private static boolean isThere(String program) throws IOException, InterruptedException {
        return Commands.tryRun(LIMIT, "sh", "-c", "command -v " + program).exitCode() == 0;
    }

    @Test
    void exitCodesOfWrongUse() {
        StringWriter err = new StringWriter();
        CommandLine line = Tidemark.commandLine().setErr(new PrintWriter(err));
        assertThat(line.execute("no-such-command")).isEqualTo(ExitCodes.USAGE);
        assertThat(line.execute("backup")).isEqualTo(ExitCodes.USAGE);
        assertThat(line.execute("policy", "add", "p", "--every", "soon")).isEqualTo(ExitCodes.USAGE);
        assertThat(line.execute("container", "add", "c", "--url", "nowhere")).isEqualTo(ExitCodes.USAGE);
        assertThat(line.execute("status", "--url", "ftp://nowhere")).isEqualTo(ExitCodes.USAGE);
        assertThat(err.toString()).contains("'soon' is no length of time", "no address of an appliance");
    }
}
