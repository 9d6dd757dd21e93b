package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;
import picocli.CommandLine;

/** Every command once: help, completion, output for people and for programs. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "qemu-img", "bash"})
@Timeout(180)
class CliIT {
    private static final long MAX_HELP_MILLIS = 10_000;

    private Cli cli;

    @BeforeEach
    void start() throws IOException {
        cli = Cli.start("cli-");
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private Object json(String... command) throws Exception {
        String[] line = java.util.Arrays.copyOf(command, command.length + 1);
        line[command.length] = "--json";
        Cli.Result result = cli.ok(line);
        assertThat(result.out().lines().count()).as(result.out()).isEqualTo(1);
        return JSON.std.anyFrom(result.out());
    }

    @Test
    void helpAndCompletion() throws Exception {
        long begun = System.nanoTime();
        Cli.Result help = cli.ok("--help");
        long millis = (System.nanoTime() - begun) / 1_000_000;
        System.out.println("tidemark --help: " + millis + " ms");
        assertThat(millis).isLessThan(MAX_HELP_MILLIS);
        assertThat(help.out()).contains("backup").contains("restore").doesNotContain("demo-load");
        assertThat(cli.ok("--version").out()).startsWith("tidemark ");
        assertThat(cli.ok("image", "create", "--help").out()).contains("--size");
        Path completion = cli.path("completion.sh");
        Files.writeString(completion, cli.ok("generate-completion").out());
        Commands.run(Cli.LIMIT, "bash", "-n", completion.toString());
        String words = Commands.run(
                Cli.LIMIT,
                "bash",
                "-c",
                ". " + completion
                        + "; COMP_WORDS=(tidemark res); COMP_CWORD=1; _complete_tidemark; echo ${COMPREPLY[@]}");
        assertThat(words).contains("restore");
    }

    @Test
    void everyCommandHasHelpAndASentence() {
        everyCommand(Tidemark.commandLine());
    }

    private static void everyCommand(CommandLine line) {
        CommandLine.Model.CommandSpec spec = line.getCommandSpec();
        if (!spec.usageMessage().hidden()) {
            assertThat(spec.usageMessage().description())
                    .as(spec.qualifiedName())
                    .isNotEmpty();
            assertThat(spec.mixinStandardHelpOptions()).as(spec.qualifiedName()).isTrue();
        }
        for (CommandLine.Model.OptionSpec option : spec.options()) {
            assertThat(option.hidden()
                            || option.description().length > 0
                            || option.longestName().equals("--target"))
                    .as(spec.qualifiedName() + " " + option.longestName() + " has no description")
                    .isTrue();
        }
        line.getSubcommands().values().forEach(CliIT::everyCommand);
    }

    @Test
    void everyCommandSpeaksJson() throws Exception {
        assertThat(json("doctor")).isInstanceOf(List.class);
        assertThat(json("devices")).isEqualTo(List.of());
        Path image = cli.path("image");
        String target = cli.path("target").toString();
        assertThat(json("image", "create", image.toString(), "--size", "128M", "--fs", "ext4"))
                .isNotNull();
        assertThat(json("image", "info", image.toString()).toString())
                .contains("expanded")
                .contains("partitions");
        assertThat(json("image", "check", image.toString())).isEqualTo(List.of());
        assertThat(json("image", "convert", image.toString(), cli.path("raw").toString(), "--to", "raw"))
                .isNotNull();
        Commands.run(
                Cli.LIMIT,
                "qemu-img",
                "compare",
                "-f",
                "raw",
                "-F",
                "parallels",
                cli.path("raw").toString(),
                image.resolve("root.hds").toString());
        assertThat(json("snapshot", "list", image.toString())).isInstanceOf(List.class);
        assertThat(json("container", "add", "c", "--image", image.toString())).isNotNull();
        assertThat(json("container", "show", "c").toString()).contains("image");
        assertThat(json("container", "list")).asList().hasSize(1);
        assertThat(json("target", "add", "t", target)).isNotNull();
        assertThat(json("target", "list")).asList().hasSize(1);
        Path mount = Files.createDirectory(cli.path("mnt"));
        assertThat(json("attach", image.toString(), "--mount", mount.toString(), "--name", "d")
                        .toString())
                .contains("/dev/loop");
        assertThat(json("devices").toString()).contains("SERVING");
        assertThat(json("backup", "c").toString()).contains("filesystem");
        assertThat(json("points", "c")).asList().hasSize(1);
        assertThat(json("target", "show", "t").toString()).contains("[c]");
        assertThat(json("verify", "c").toString()).contains("damages=0");
        assertThat(json("verify").toString()).contains("damages=0");
        assertThat(json(
                        "restore",
                        "c",
                        "--at",
                        "latest",
                        "--to",
                        cli.path("restored").toString()))
                .isNotNull();
        assertThat(json("detach", "d").toString()).contains("detached=true");
        assertThat(json("container", "remove", "c")).isNotNull();
        assertThat(json("target", "remove", "t")).isNotNull();
    }

    @Test
    void textIsForPeople() throws Exception {
        assertThat(cli.ok("container", "list").out()).contains("add one with");
        assertThat(cli.ok("target", "list").out()).contains("add one with");
        assertThat(cli.ok("doctor").out()).contains("FUSE").contains("ok");
        Path image = cli.path("image");
        cli.ok("image", "create", image.toString(), "--size", "64M");
        assertThat(cli.ok("image", "check", image.toString()).out()).contains("no findings");
        assertThat(cli.ok("image", "info", image.toString()).out()).contains("67108864");
    }

    @Test
    void aSnapshotOfADetachedImageKeepsBackupsRight() throws Exception {
        Path image = cli.path("image");
        cli.ok("image", "create", image.toString(), "--size", "128M", "--no-partition");
        String block = cli.attach(image, "--name", "d");
        Cli.random(block, 0, 20);
        cli.protect("c", image, cli.path("target"));
        cli.ok("backup", "c");
        cli.ok("detach", "d");
        String guid = String.valueOf(
                cli.ok("snapshot", "create", image.toString(), "--json").json().get("snapshot"));
        assertThat(cli.ok("snapshot", "list", image.toString()).out()).contains(guid);
        assertThat(cli.ok("image", "check", image.toString()).out()).contains("no findings");

        block = cli.attach(image, "--name", "d");
        Cli.random(block, 10, 20);
        Cli.Result full = cli.ok("backup", "c", "--json");
        assertThat(full.err()).contains("everything is read");
        System.out.println(full.err().strip());
        Cli.random(block, 50, 1);
        Cli.Result increment = cli.ok("backup", "c", "--json");
        assertThat(increment.err()).doesNotContain("everything is read");
        assertThat(((Number) increment.json().get("chunksRead")).longValue()).isLessThanOrEqualTo(17);
        cli.ok("verify", "c");
        cli.ok("restore", "c", "--to", cli.path("restored").toString());
        String other = cli.attach(cli.path("restored"), "--name", "r");
        Commands.run(Cli.LIMIT, "cmp", block, other);
        cli.ok("detach", "r");
        cli.ok("detach", "d");
    }
}
