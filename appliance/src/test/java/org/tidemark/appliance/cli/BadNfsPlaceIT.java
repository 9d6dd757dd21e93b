package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.NfsServerProcess;
import org.tidemark.ploop.testing.Requires;

/**
 * Addresses and folders that cannot be a target or the home of an image: each is refused with one sentence that says what to do.
 * Mounts of which the same is true: {@code KernelNfsIT}.
 */
@Requires({"root", "ganesha.nfsd", "rpcbind", "ip"})
@Timeout(180)
class BadNfsPlaceIT {
    private static final String LONG_NAME = "n".repeat(300);

    private Cli cli;
    private NfsServerProcess server;

    @BeforeEach
    void start() throws Exception {
        server = NfsServerProcess.start();
        cli = Cli.start("bad-place-");
    }

    @AfterEach
    void stop() throws Exception {
        cli.close();
        server.close();
    }

    private String address(String path) {
        return "nfs://" + server.address() + path;
    }

    private String inExport(String name) {
        return address(server.export() + "/" + name);
    }

    private void targetRefused(int exitCode, String words, String place) throws Exception {
        Cli.Result result = cli.run("target", "add", "t", place);
        // What was tried goes to its output.
        refused(new Cli.Result(result.exitCode(), "", result.err()), exitCode, words);
        assertThat(cli.ok("target", "list", "--json").jsonRows()).isEmpty();
    }

    private void imageRefused(int exitCode, String words, String place) throws Exception {
        refused(cli.run("image", "create", place, "--size", "64M"), exitCode, words);
    }

    /** Of a sentence with long names in it the rest must be short. */
    private void refused(Cli.Result result, int exitCode, String words) {
        Cli.refused(new Cli.Result(result.exitCode(), result.out(), shortened(result.err())), exitCode, words);
    }

    @Test
    void eachIsRefusedWithASentence() throws Exception {
        String image = inExport("image");
        cli.ok("image", "create", image, "--size", "64M");
        Files.createDirectory(server.export().resolve("vault"));

        targetRefused(7, "it exports " + server.export() + ". Check the address", address("/srv/backups"));
        imageRefused(3, "it exports " + server.export(), address("/srv/image"));
        targetRefused(6, "choose a shorter folder", inExport(LONG_NAME));
        imageRefused(2, "too long", inExport(LONG_NAME));
        imageRefused(2, "too long", inExport(LONG_NAME + "/image"));
        targetRefused(6, "choose a shorter folder", cli.path(LONG_NAME).toString());
        imageRefused(2, "too long", cli.path(LONG_NAME).toString());
        refused(cli.run("image", "info", cli.path(LONG_NAME).toString()), 2, "too long");

        server.changeExport("Access_Type = RW", "Access_Type = NONE");
        targetRefused(7, "it exports nothing. Check the address, or the server's exports", inExport("vault"));
        cli.refused(3, "it exports nothing", "image", "info", image);
        String unasked = "?mountport=20048"; // Who gives the port does not ask what is exported.
        targetRefused(7, "allow it in the server's exports", inExport("vault") + unasked);
        cli.refused(6, "allow it in the server's exports", "image", "info", image + unasked);

        server.changeExport("Access_Type = NONE", "Access_Type = RO");
        targetRefused(6, "export it rw", inExport("vault"));
        imageRefused(6, "read-only", inExport("other"));

        server.changeExport("Access_Type = RO", "Access_Type = RW", "Squash = No_Root_Squash", "Squash = Root_Squash");
        targetRefused(6, "root_squash", inExport("vault"));
        cli.refused(6, "uid=N", "image", "info", image);
        imageRefused(6, "uid=N", inExport("other"));
        assertThat(server.export().resolve("vault")).isEmptyDirectory();
        assertThat(server.export().resolve("other")).doesNotExist();
    }

    private String shortened(String words) {
        return words.replace(LONG_NAME, "nnn").replace(server.export() + "/vault", "/srv/vault");
    }

    private static List<String> sums(Path place) throws Exception {
        return Cli.checksum(place.resolve("vault"))
                .lines()
                .map(line -> line.split(" ")[0])
                .toList();
    }

    /** Nothing that lies there is taken for what was there. */
    @Test
    @Requires({"fuse", "loop"})
    void anotherExportUnderTheSameAddressIsRefused() throws Exception {
        String image = inExport("place/image");
        Path place = Files.createDirectory(server.export().resolve("place"));
        cli.ok("image", "create", image, "--size", "64M");
        cli.ok("attach", image, "--name", "d");
        cli.ok("container", "add", "c", "--image", image);
        cli.ok("target", "add", "t", inExport("place/vault"));
        cli.ok("backup", "c");
        List<String> before = sums(place);
        cli.ok("detach", "d");

        Files.move(place, place.resolveSibling("aside"));
        Files.createDirectory(place);
        server.bounce();
        cli.refused(3, "no such", "attach", image, "--name", "d");
        cli.refused(7, "no Tidemark target at", "verify", "c");
        cli.refused(7, "no Tidemark target at", "backup", "c");
        assertThat(place).isEmptyDirectory();
        assertThat(sums(place.resolveSibling("aside"))).isEqualTo(before);

        Files.delete(place);
        Files.move(place.resolveSibling("aside"), place);
        server.bounce();
        cli.ok("verify", "c");
        cli.ok("attach", image, "--name", "d");
        cli.ok("backup", "c");
        cli.ok("detach", "d");
    }
}
