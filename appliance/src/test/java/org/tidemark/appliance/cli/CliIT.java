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

/** Every command once: help, completion, output for people and for programs. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "qemu-img", "bash"})
@Timeout(180)
class CliIT {

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
        assertThat(help.out()).contains("backup").contains("restore").doesNotContain("demo-load");
        assertThat(cli.ok("--version").out()).startsWith("tidemark ");
        assertThat(cli.ok("image", "create", "--help").out()).contains("--size");
        Path completion = cli.path("completion.sh");
        Files.writeString(completion, cli.ok("completion", "bash").out());
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
    @Requires({"zsh", "fish"})
    void zshAndFishComplete() throws Exception {
        Path zsh = cli.path("completion.zsh");
        Files.writeString(zsh, cli.ok("completion", "zsh").out());
        Path typist = Path.of(CliIT.class.getResource("complete.zsh").toURI());
        assertThat(Commands.run(Cli.LIMIT, "timeout", "60", "zsh", "-f", typist.toString(), zsh.toString()))
                .contains("tidemark restore");
        Path fish = cli.path("completion.fish");
        Files.writeString(fish, cli.ok("completion", "fish").out());
        String words = Commands.run(
                Cli.LIMIT,
                "fish",
                "--no-config",
                "-c",
                "source " + fish + "; complete -C 'tidemark resto'; complete -C 'tidemark image create --cl'");
        assertThat(words).contains("restore\t").contains("--cluster");
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
        assertThat(json("point", "protect", "c", "latest").toString()).contains("protected=true");
        assertThat(json("job", "list")).asList().hasSize(4);
        assertThat(json("job", "show", "1").toString()).contains("BACKUP");
        assertThat(json("job", "log", "1").toString()).contains("committed");
        assertThat(json("job", "watch", "1").toString()).contains("SUCCEEDED");
        assertThat(json("target", "test", "t").toString()).contains("ok=true");
        assertThat(json("policy", "add", "p", "--container", "c", "--target", "t", "--every", "1d", "--disable")
                        .toString())
                .contains("86400");
        assertThat(json("policy", "update", "p", "--keep-last", "3", "--keep-within", "2d")
                        .toString())
                .contains("last=3", "172800", "86400");
        assertThat(json("policy", "list")).asList().hasSize(1);
        assertThat(json("policy", "remove", "p").toString()).contains("removed=true");
        assertThat(json("token", "add", "robot", "--scope", "read,backup").toString())
                .contains("tdm_");
        assertThat(json("token", "list")).asList().hasSize(1);
        Path password = cli.path("password");
        Files.writeString(password, "correct horse battery staple\n");
        assertThat(json("user", "add", "ann", "--role", "admin", "--password-file", password.toString())
                        .toString())
                .contains("ann");
        assertThat(json("user", "add", "bob", "--role", "viewer", "--password-file", password.toString()))
                .isNotNull();
        assertThat(json("user", "update", "bob", "--role", "operator", "--disable")
                        .toString())
                .contains("operator", "disabled=true");
        assertThat(json("user", "remove", "bob").toString()).contains("removed=true");
        assertThat(json("user", "list")).asList().hasSize(1);
        assertThat(json("container", "remove", "c")).isNotNull();
        assertThat(json("target", "remove", "t")).isNotNull();
    }

    @Test
    void withoutAnAppliance() throws Exception {
        Cli.refused(
                cli.begin(Cli.command("container", "list")).await(),
                1,
                "no appliance runs here; start it with 'tidemark serve'");
        Cli.refused(
                cli.begin(Cli.command("status", "--url", "http://127.0.0.1:1", "--token-file", "/dev/null"))
                        .await(),
                2,
                "an address needs a token");
        Path token = cli.path("token");
        Files.writeString(token, "tdm_none\n");
        Cli.refused(
                cli.begin(Cli.command("status", "--url", "http://127.0.0.1:1", "--token-file", token.toString()))
                        .await(),
                7,
                "cannot be reached");
        cli.startAppliance();
        Cli.refused(
                cli.begin(Cli.command("status", "--url", cli.appliance().url(), "--token-file", token.toString()))
                        .await(),
                6,
                "token");
        cli.appliance().kill();
        Cli.refused(cli.begin(Cli.command("container", "list")).await(), 1, "no appliance runs here");
    }

    @Test
    void statusTellsWhetherEverythingIsSafe() throws Exception {
        assertThat(cli.run("status").exitCode()).isEqualTo(1);
        Path image = cli.path("image");
        cli.ok("image", "create", image.toString(), "--size", "64M", "--no-partition");
        cli.protect("c", image, cli.path("target"));
        Cli.Result attention = cli.run("status");
        assertThat(attention.exitCode()).as(attention.out()).isEqualTo(1);
        assertThat(attention.out()).contains("container c");
        cli.ok("policy", "add", "p", "--container", "c", "--target", "t-c", "--every", "1d");
        cli.ok("backup", "c");
        assertThat(cli.ok("status").out()).contains("SAFE");
        assertThat(cli.ok("status", "--json").json()).containsEntry("state", "SAFE");
    }

    @Test
    void aJobThatIsNotAwaited() throws Exception {
        Path image = cli.path("image");
        cli.ok("image", "create", image.toString(), "--size", "64M", "--no-partition");
        cli.protect("c", image, cli.path("target"));
        String job = String.valueOf(
                cli.ok("backup", "c", "--no-wait", "--json").json().get("job"));
        assertThat(cli.ok("job", "watch", job).out()).contains("succeeded");
        assertThat(cli.ok("job", "list", "--kind", "backup", "--json").jsonRows())
                .hasSize(1);
        cli.refused(4, "ended already", "job", "cancel", job);
        cli.refused(3, "4711", "job", "show", "4711");
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
        Cli.Result first = cli.ok("backup", "c", "--json");
        assertThat(first.err()).doesNotContain("everything is read");
        assertThat(((Number) first.json().get("chunksRead")).longValue()).isLessThanOrEqualTo(321);
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
