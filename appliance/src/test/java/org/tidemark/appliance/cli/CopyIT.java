package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** Copies of an image that an ext4 is written to, received by Debian's ploop and by us. */
@Requires({"root", "fuse", "loop", "fio", "ploop", "mkfs.ext4"})
@Timeout(120)
class CopyIT {
    private static final String STREAM = "this is no stream of ploop copy";

    private static Cli cli;
    private static Path image;
    private static Path mounted;
    private static String block;

    @BeforeAll
    static void start() throws Exception {
        cli = Cli.start("copy-");
        image = cli.path("web");
        mounted = Files.createDirectory(cli.path("mnt"));
        cli.ok("image", "create", image.toString(), "--size", "512M", "--fs", "ext4");
        block = cli.attach(image, "--name", "web", "--mount", mounted.toString());
        Cli.random(mounted.resolve("still"), 0, 60);
    }

    @AfterAll
    static void stop() throws Exception {
        cli.close();
    }

    /** A program that writes to the file system until it is told to stop, as a container would be. */
    private static final class Writer implements AutoCloseable {
        private final Process process;

        Writer() throws Exception {
            process = new ProcessBuilder(
                            "fio",
                            "--name=writer",
                            "--filename=" + mounted.resolve("busy"),
                            "--size=32m",
                            "--rw=randwrite",
                            "--bs=4k",
                            "--rate=20m",
                            "--time_based",
                            "--runtime=60",
                            "--fsync=100",
                            "--output=/dev/null")
                    .start();
            Cli.await("the writer writes", () -> Files.exists(mounted.resolve("busy")));
            TimeUnit.MILLISECONDS.sleep(500);
        }

        /** With the file system unmounted nobody writes a byte afterwards. */
        String stopCommand() {
            return "pkill -9 -P " + process.pid() + "; kill -9 " + process.pid() + "; sleep 0.3; umount " + mounted;
        }

        @Override
        public void close() throws Exception {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly().waitFor();
        }
    }

    /** A command of ours, for a shell. */
    private static String line(String... words) {
        return Cli.command(words).stream()
                .map(word -> "'" + word.replace("'", "'\\''") + "'")
                .collect(Collectors.joining(" "));
    }

    private static Cli.Result shell(String script) throws Exception {
        return cli.begin(List.of("bash", "-c", script)).await();
    }

    /** The same bytes as the file of the image, which nobody has written to since, but for the mark of use. */
    private static void isTheFile(Path copy) throws Exception {
        Path top = image.resolve("root.hds");
        Commands.run(Cli.LIMIT, "cmp", "-i", "512", copy.toString(), top.toString());
        assertThat(Files.size(copy)).isEqualTo(Files.size(top));
    }

    /** It is a clean image whose file system holds the same files. */
    private static void holdsTheFiles(Path copy) throws Exception {
        Commands.run(Cli.LIMIT, "ploop", "check", copy.toString());
        cli.ok("image", "check", copy.toString());
        Path there = Files.createDirectories(cli.path("there"));
        cli.attach(copy, "--name", "copy", "--mount", there.toString());
        Commands.run(Cli.LIMIT, "mount", block, mounted.toString());
        for (String name : List.of("still", "busy")) {
            assertThat(sum(there.resolve(name))).as(name).isEqualTo(sum(mounted.resolve(name)));
        }
        cli.ok("detach", "copy");
        Commands.run(Cli.LIMIT, "sh", "-c", "rm '" + copy + "'*");
    }

    private static String sum(Path file) throws Exception {
        return Cli.checksum(file).split(" ")[0];
    }

    @Test
    void debiansReceiverGetsTheImageOfAContainerThatWritesUntilItIsStopped() throws Exception {
        Path copy = cli.path("of-debian.hds");
        try (Writer writer = new Writer()) {
            Cli.Result result = shell("mkfifo " + cli.path("feedback") + "; exec 5<>" + cli.path("feedback") + "; "
                    + line("ploop", "copy", "-s", "web", "-F", writer.stopCommand(), "-f", "5") + " | ploop copy -d "
                    + copy
                    + " -f 5; echo \"${PIPESTATUS[@]}\"");
            assertThat(result.out().strip()).as(result.err()).endsWith("0 0");
        }
        isTheFile(copy);
        holdsTheFiles(copy);
    }

    @Test
    void ourReceiverGetsItOverConnectionsThatAreCutWhileTheDeviceServerIsKilled() throws Exception {
        Path copy = cli.path("checked.hds");
        Path cut = cli.path("cut");
        String receive = line("copy", "-d", copy.toString());
        // The first receiver is killed when it has 16 MiB, however long that takes.
        String through =
                "if [ -e " + cut + " ]; then exec " + receive + "; fi; touch " + cut + "; exec 3<&0; " + receive
                        + " <&3 & p=$!; exec 3<&-; until [ \"$(stat -c %b " + copy
                        + ".tidemark-partial 2>/dev/null || echo 0)\" -gt 32768 ]; do sleep 0.05; done; kill -9 $p; wait $p";
        try (Writer writer = new Writer()) {
            Cli.Running running = cli.begin(
                    "copy",
                    "-s",
                    "web",
                    "--through",
                    through,
                    "--compress",
                    "1",
                    "--rate",
                    "40M",
                    "-F",
                    writer.stopCommand(),
                    "--json");
            Path partial = cli.path("checked.hds.tidemark-partial");
            Cli.await("it is under way", () -> Files.exists(partial) && Files.size(partial) > 1 << 20);
            long killed = cli.deviceServer();
            Commands.run(Cli.LIMIT, "kill", "-9", Long.toString(killed));
            Cli.Result result = running.await();
            assertThat(result.exitCode()).as(result.out() + result.err()).isZero();
            assertThat(cli.deviceServer()).isNotEqualTo(killed);
            System.out.println(result.out());
            Map<String, Object> told = result.json();
            assertThat(((Number) told.get("pauseMillis")).longValue()).isPositive();
            assertThat((List<?>) told.get("rounds")).hasSizeGreaterThanOrEqualTo(2);
        }
        isTheFile(copy);
        holdsTheFiles(copy);
        assertThat(partial()).isEmpty();
    }

    /** What copies that failed left. */
    private static List<String> partial() throws IOException {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(cli.folder(), "*partial*")) {
            found.forEach(path -> names.add(path.toString()));
        }
        return names;
    }

    @Test
    void aCopyIntoAFileGoesOnWhileItIsWrittenToAndIsWhatAnInstantWas() throws Exception {
        Path copy = cli.path("instant.hds");
        try (Writer writer = new Writer()) {
            Map<String, Object> told =
                    cli.ok("copy", "-s", "web", "-d", copy.toString(), "--json").json();
            System.out.println(told);
            assertThat(told.get("notice")).isEqualTo("");
            // It writes on.
            long before = Files.getLastModifiedTime(mounted.resolve("busy")).toMillis();
            Cli.await(
                    "the writer goes on",
                    () -> Files.getLastModifiedTime(mounted.resolve("busy")).toMillis() > before);
        }
        cli.ok("image", "check", copy.toString());
        Path there = Files.createDirectories(cli.path("there"));
        String other = cli.attach(copy, "--name", "copy");
        assertThat(Commands.run(Cli.LIMIT, "e2fsck", "-fn", other)).contains("Pass 5");
        Commands.run(Cli.LIMIT, "mount", other, there.toString());
        assertThat(sum(there.resolve("still"))).isEqualTo(sum(mounted.resolve("still")));
        Commands.run(Cli.LIMIT, "umount", there.toString());
        cli.ok("detach", "copy");
        Files.delete(copy);
    }

    @Test
    void whatCannotBeIsASentenceAndLeavesNoFile() throws Exception {
        String copy = cli.path("none").toString();
        cli.refused(3, "no such device", "copy", "-s", "nobody", "-d", copy);
        cli.refused(2, "--source", "copy");
        cli.refused(2, "not both", "copy", "-s", "web", "-d", copy, "--through", "cat");
        Path there = Files.writeString(cli.path("is-there"), "mine");
        cli.refused(4, "there is such a file", "copy", "-s", "web", "-d", there.toString());
        assertThat(there).hasContent("mine");
        cli.refused(
                3,
                "there is no folder",
                "copy",
                "-s",
                "web",
                "-d",
                cli.path("no/file").toString());
        cli.refused(1, "stop command ended with 7", "copy", "-s", "web", "-d", copy, "-F", "exit 7");
        cli.refused(7, "went away", "copy", "-s", "web", "--through", "exit 1", "--patience", "1");
        cli.refused(7, "ended before", "copy", "-d", copy, "-i", "0");
        Path wrong = Files.writeString(cli.path("wrong"), "x".repeat(4096));
        Cli.Result result = shell(line("copy", "-d", copy) + " < " + wrong);
        Cli.refused(result, 5, STREAM);
        result = shell(line("ploop", "copy", "-d", copy) + " < " + wrong);
        assertThat(result.exitCode()).isEqualTo(13);
        assertThat(result.err()).contains(STREAM);
        result = shell("head -c 10 " + wrong + " | " + line("ploop", "copy", "-d", copy));
        assertThat(result.exitCode()).isEqualTo(6);
        assertThat(Path.of(copy)).doesNotExist();
        assertThat(partial()).isEmpty();
    }

    @Test
    void aFullDiskAtTheOtherEndIsSaidAndNothingIsLeft() throws Exception {
        Path small = Files.createDirectory(cli.path("small"));
        Commands.run(Cli.LIMIT, "mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", small.toString());
        try {
            Path copy = small.resolve("copy.hds");
            cli.refused(1, "No space left", "copy", "-s", "web", "-d", copy.toString());
            cli.refused(
                    1,
                    "No space left",
                    "copy",
                    "-s",
                    "web",
                    "--through",
                    line("copy", "-d", copy.toString()) + " 2>/dev/null");
            Cli.Result result = shell(line("copy", "-s", "web") + " | " + line("copy", "-d", copy.toString())
                    + "; echo \"${PIPESTATUS[@]}\"");
            assertThat(result.out()).contains("7 1");
            assertThat(small).isEmptyDirectory();
        } finally {
            Commands.run(Cli.LIMIT, "umount", small.toString());
        }
    }

    @Test
    void theChainStaysWhatItIsWhileItIsCopiedAndDetachingEndsTheCopy() throws Exception {
        Path other = cli.path("other");
        cli.ok("image", "create", other.toString(), "--size", "64M", "--no-partition");
        Cli.random(Path.of(cli.attach(other, "--name", "other")), 0, 32);
        Cli.Running running =
                cli.begin("copy", "-s", "other", "-d", cli.path("slow").toString(), "--rate", "2M");
        Cli.await("it is under way", () -> !partial().isEmpty());
        cli.refused(4, "being changed or copied", "snapshot", "create", "other");
        cli.refused(
                4,
                "being changed or copied",
                "copy",
                "-s",
                "other",
                "-d",
                cli.path("second").toString());
        cli.ok("detach", "other");
        Cli.Result result = running.await();
        System.out.println(result.err());
        assertThat(result.exitCode()).isIn(3, 4);
        assertThat(partial()).isEmpty();
        cli.ok("image", "check", other.toString());
        cli.attach(other, "--name", "other");
        cli.ok("snapshot", "create", "other");
        cli.ok("detach", "other");
    }
}
