package org.tidemark.appliance.powerloss;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.NfsServerProcess;
import org.tidemark.ploop.testing.Requires;

/**
 * A kernel of its own mounts an NFS export with versions 3 and 4.2: images that lie on it are attached, written and verified, and a
 * folder on it is a target, while the server is killed and started again, is full, read-only, or lets root be nobody.
 */
@Requires({"root", "fuse", "loop", "linux.uml", "modprobe", "gcc", "fio", "ganesha.nfsd", "rpcbind", "ip", "mkfs.ext4"})
@Timeout(300)
class KernelNfsIT {
    private static final String NAME = "tidemark-test-nfs";
    private static final String SCRIPT = "nfs-guest.sh";

    private Cli cli;

    @BeforeEach
    void start() throws Exception {
        cli = Cli.start("kernel-nfs-");
    }

    @AfterEach
    void stop() throws Exception {
        cli.close();
    }

    /** Where the machine looks for what it waits for; it has a /dev, /run and /tmp of its own. */
    private static Path words(NfsServerProcess server) {
        return server.export().resolveSibling("words");
    }

    private static List<String> results(List<String> said, String word) {
        return said.stream().filter(line -> line.startsWith("RESULT " + word)).toList();
    }

    private static String allKinds(String kind, String ofPut) {
        return "RESULT kinds {list=" + kind + ", folders=" + kind + ", stat=" + kind + ", get=" + kind + ", put="
                + ofPut + "}";
    }

    /** What the machine says until it says a word; with what the server wrote into its log when it does not. */
    private static List<String> sayings(NfsServerProcess server, UserModeMachine machine, String word)
            throws Exception {
        try {
            return machine.sayings(word);
        } catch (AssertionError e) {
            throw new AssertionError(e.getMessage() + "\nThe server's log:\n" + server.log(), e);
        }
    }

    /** What the other kernel wrote to an ext4 in an image is what this one finds. */
    private void holds(Path image, List<String> said, String... names) throws Exception {
        cli.ok("image", "check", image.toString());
        Path web = Files.createDirectory(cli.path("web"));
        cli.attach(image, "--name", "web", "--mount", web.toString());
        for (String name : names) {
            String sum = Cli.checksum(web.resolve(name)).split(" ")[0];
            assertThat(said).contains("RESULT " + sum + "  " + name);
        }
        cli.ok("detach", "web");
    }

    @Test
    void imagesAndTargetsLiveOnMountsWhoseServerBounces() throws Exception {
        try (NfsServerProcess server = NfsServerProcess.startWithVersion4(0)) {
            Path web = server.export().resolve("web");
            Path db = server.export().resolve("db");
            Path vault = Files.createDirectory(server.export().resolve("vault"));
            cli.ok("image", "create", web.toString(), "--size", "128M", "--fs", "ext4", "--no-partition");
            cli.ok("image", "create", db.toString(), "--size", "64M", "--no-partition");
            Files.createDirectory(words(server));
            List<String> said = new ArrayList<>();
            try (UserModeMachine machine =
                    UserModeMachine.beside(server, NAME, SCRIPT, "PART=bounces", "WORDS=" + words(server))) {
                for (int bounces = 0; bounces < 2; bounces++) {
                    said.addAll(sayings(server, machine, "BOUNCE"));
                    Thread.sleep(1000);
                    server.kill();
                    Thread.sleep(1500);
                    server.run();
                }
                said.addAll(sayings(server, machine, "GONE"));
                server.kill();
                Commands.run(Cli.LIMIT, "rm", "-r", vault.toString());
                Files.createDirectory(vault);
                server.run();
                Files.createFile(words(server).resolve("GONE"));
                said.addAll(sayings(server, machine, "DONE"));
            }
            System.out.println(String.join("\n", said));
            assertThat(said)
                    .contains("RESULT /mnt/nfs3/web is open direct", "RESULT /mnt/nfs4/db is open direct")
                    .contains("RESULT held 20", "RESULT held 60");
            assertThat(results(said, "/mnt/nfs3/files/by-")).hasSize(2).allMatch(line -> line.endsWith("held many"));
            assertThat(results(said, "/mnt/nfs4/files4/by-")).hasSize(2).allMatch(line -> line.endsWith("held many"));
            assertThat(results(said, "kinds")).containsExactly(allKinds("UNREACHABLE", "UNREACHABLE"));
            assertThat(vault).isEmptyDirectory();

            holds(web, said, "synced", "verified");
            cli.ok("image", "check", db.toString());
            String block = cli.attach(db, "--name", "db");
            String sum = Commands.run(Cli.LIMIT, "sh", "-c", "head -c 6M " + block + " | sha256sum");
            assertThat(said).contains("RESULT db " + sum.strip());
            cli.ok("detach", "db");
        }
    }

    @Test
    void aMountThatIsFullReadOnlyGoneOrSquashedDamagesNothingAndSaysSo() throws Exception {
        try (NfsServerProcess server = NfsServerProcess.startWithVersion4(160)) {
            Path web = server.export().resolve("web");
            Path db = server.export().resolve("db");
            Path vault = Files.createDirectory(server.export().resolve("vault"));
            cli.ok("image", "create", web.toString(), "--size", "128M", "--fs", "ext4", "--no-partition");
            cli.ok("image", "create", db.toString(), "--size", "64M", "--no-partition");
            Files.createDirectory(words(server));
            List<String> said = new ArrayList<>();
            try (UserModeMachine machine =
                    UserModeMachine.beside(server, NAME, SCRIPT, "PART=trouble", "WORDS=" + words(server))) {
                said.addAll(sayings(server, machine, "FULL"));
                server.fillUp(0);
                Files.createFile(words(server).resolve("FULL"));
                said.addAll(sayings(server, machine, "ROOM"));
                server.makeRoom();
                Files.createFile(words(server).resolve("ROOM"));
                said.addAll(sayings(server, machine, "READONLY"));
                server.changeExport("Access_Type = RW", "Access_Type = RO");
                Files.createFile(words(server).resolve("READONLY"));
                said.addAll(sayings(server, machine, "SQUASHED"));
                server.changeExport(
                        "Access_Type = RO", "Access_Type = RW", "Squash = No_Root_Squash", "Squash = Root_Squash");
                Files.createFile(words(server).resolve("SQUASHED"));
                said.addAll(sayings(server, machine, "DONE"));
            }
            System.out.println(String.join("\n", said));
            assertThat(said)
                    .contains("RESULT web waits", "RESULT web went on", "RESULT db went on", "RESULT nothing beneath");
            assertThat(results(said, "reads go on")).hasSize(2);
            assertThat(results(said, "db: ")).singleElement().asString().contains("No space left on device");
            assertThat(results(said, "fill"))
                    .singleElement()
                    .asString()
                    .contains("FULL")
                    .contains("make room");
            assertThat(results(said, "held"))
                    .containsExactly(
                            "RESULT held 10", "RESULT held 10", "RESULT held 15", "RESULT held 16", "RESULT held 17");
            assertThat(results(said, "kinds"))
                    .containsExactly(
                            "RESULT kinds {list=ok, folders=ok, stat=NOT_FOUND, get=NOT_FOUND, put=DENIED}",
                            allKinds("UNREACHABLE", "UNREACHABLE"));
            List<String> words = results(said, "words");
            assertThat(words).hasSize(4);
            assertThat(words.get(0)).contains("DENIED").contains("mount it rw");
            assertThat(words.get(1)).contains("UNREACHABLE").contains("If it is a mount point, mount it");
            assertThat(words.get(2)).contains("DENIED").contains("a server has to export it rw");
            assertThat(words.get(3)).contains("DENIED").contains("root_squash");
            assertThat(results(said, "devices"))
                    .singleElement()
                    .asString()
                    .contains("BROKEN")
                    .contains("EROFS");
            assertThat(said).anyMatch(line -> line.startsWith("tidemark: ") && line.contains("root_squash"));

            try (Stream<Path> blobs = Files.walk(vault.resolve("target/pack"))) {
                assertThat(blobs.filter(Files::isRegularFile)).hasSize(17);
            }
            assertThat(vault.resolve("target/.tmp")).isEmptyDirectory();
            holds(web, said, "before", "late");
            cli.ok("attach", db.toString(), "--name", "db");
            cli.ok("detach", "db");
            cli.ok("image", "check", db.toString());
        }
    }
}
