package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.tidemark.appliance.client.ApplianceClient;
import org.tidemark.appliance.demo.ApplianceProcess;
import org.tidemark.ploop.server.DeviceServerMain;
import org.tidemark.ploop.server.ServerCommand;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Leftovers;

/**
 * The real command line in processes of its own, with a state folder, a run folder and a work folder of a test's own. The packaged
 * appliance runs beside it, from the first command on that needs one.
 */
public final class Cli implements AutoCloseable {
    public static final Duration LIMIT = Duration.ofSeconds(60);

    private static final long SHORTEST_PAUSE_NANOS = 2_000_000;
    private static final long LONGEST_PAUSE_NANOS = 100_000_000;
    private static final Set<String> OF_THE_APPLIANCE = Set.of(
            "status",
            "backup",
            "restore",
            "points",
            "point",
            "export",
            "verify",
            "container",
            "target",
            "policy",
            "job",
            "peer",
            "migrate",
            "migrations",
            "replicate",
            "user",
            "token");

    private final String word;
    private final Path folder;
    private final ApplianceProcess appliance;
    private int runs;

    private Cli(String word) throws IOException {
        this.word = word;
        this.folder = Leftovers.freshFolder(word);
        this.appliance = ApplianceProcess.in(folder);
    }

    public static Cli start(String word) throws IOException {
        return new Cli(word);
    }

    /** The appliance of this test, which may not run yet. */
    public ApplianceProcess appliance() {
        return appliance;
    }

    /** A client of it; starts it when it does not run. */
    public ApplianceClient client() throws IOException {
        startAppliance();
        return ApplianceClient.ofStateFolder(appliance.state());
    }

    public void startAppliance() throws IOException {
        if (!appliance.isRunning()) {
            appliance.start();
        }
    }

    /** The process that serves this test's devices, but for images on NFS; 0 while there is none. */
    public long deviceServer() {
        // The holder has the name of the class too, but not as its main class, which the run folder follows.
        String words = DeviceServerMain.class.getName() + "\0--run=" + path("run") + "\0";
        try (Stream<ProcessHandle> processes = ProcessHandle.allProcesses()) {
            return processes
                    .mapToLong(ProcessHandle::pid)
                    .filter(pid -> commandLine(pid).contains(words))
                    .findFirst()
                    .orElse(0);
        }
    }

    private static String commandLine(long pid) {
        try {
            return Files.readString(Path.of("/proc/" + pid + "/cmdline"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }

    /** A place for the test's files, on tmpfs. */
    public Path folder() {
        return folder;
    }

    public Path path(String name) {
        return folder.resolve(name);
    }

    /** How a command ended. */
    public record Result(int exitCode, String out, String err) {
        public Map<String, Object> json() throws IOException {
            return JSON.std.mapFrom(out);
        }

        public List<Object> jsonRows() throws IOException {
            return JSON.std.listFrom(out);
        }
    }

    /** A command under way. */
    public final class Running {
        private final Process process;
        private final Path out;
        private final Path err;

        private Running(Process process, Path out, Path err) {
            this.process = process;
            this.out = out;
            this.err = err;
        }

        public Process process() {
            return process;
        }

        public Result await() throws IOException, InterruptedException {
            if (!process.waitFor(LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly();
                throw new AssertionError("did not end within " + LIMIT + ": " + Files.readString(err));
            }
            return new Result(process.exitValue(), Files.readString(out), Files.readString(err));
        }
    }

    private static final String JAVA =
            Path.of(System.getProperty("java.home"), "bin", "java").toString();

    public static List<String> command(String... arguments) {
        List<String> line =
                new ArrayList<>(List.of(JAVA, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"));
        line.addAll(ClassData.OPTIONS);
        line.addAll(
                List.of("--add-opens=java.base/java.lang=ALL-UNNAMED", "-cp", classPath(), Tidemark.class.getName()));
        line.addAll(List.of(arguments));
        return line;
    }

    private static Path packaged() {
        try {
            return Path.of(Tidemark.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The few libraries of the package, so that a command that needs another one is found out; in the launcher's order. */
    private static String classPath() {
        List<String> entries = new ArrayList<>();
        try (DirectoryStream<Path> libraries =
                Files.newDirectoryStream(packaged().resolveSibling("lib"), "*.jar")) {
            libraries.forEach(library -> entries.add(library.toString()));
        } catch (IOException e) {
            throw new IllegalStateException("build the package first: target/lib is missing", e);
        }
        Collections.sort(entries);
        entries.add(0, packaged().toString());
        return String.join(File.pathSeparator, entries);
    }

    /** Made with the first command, of the package; what only waits or compares needs neither. */
    private static final class ClassData {
        static final List<String> OPTIONS = classData();
    }

    /** As the launcher has them: tests start hundreds of commands. Without archives they are slower, no more. */
    private static List<String> classData() {
        Path jar = packaged();
        Path archive = jar.resolveSibling("tidemark.jsa");
        // The tests beside this one want them too.
        try (FileChannel channel = FileChannel.open(
                        jar.resolveSibling("class-data.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock lock = channel.lock()) {
            if (!Files.exists(archive)
                    || Files.getLastModifiedTime(archive).compareTo(Files.getLastModifiedTime(jar)) < 0) {
                Path script = jar.resolveSibling("../../scripts/class-data").normalize();
                String lib = jar.resolveSibling("lib").toString();
                String forServing = jar.resolveSibling("tidemark-serve.jsa").toString();
                Commands.run(
                        LIMIT.multipliedBy(4),
                        script.toString(),
                        JAVA,
                        jar.toString(),
                        lib,
                        archive.toString(),
                        forServing);
            }
            return List.of(
                    "-XX:SharedArchiveFile=" + archive,
                    "-Dtidemark.class.data=" + archive,
                    "-Xlog:cds=off",
                    "-Xlog:class+path=off");
        } catch (IOException | InterruptedException | AssertionError e) {
            System.out.println("no class data: " + e.getMessage());
            return List.of();
        }
    }

    /** Makes the archives, for commands that a test runs through the launcher. Without them they are slower, no more. */
    public static void shareClassData() {
        Objects.requireNonNull(ClassData.OPTIONS);
    }

    public Running begin(String... arguments) throws IOException {
        if (arguments.length > 0
                && OF_THE_APPLIANCE.contains(arguments[0])
                && !List.of(arguments).contains("--help")) {
            startAppliance();
        }
        return begin(command(arguments));
    }

    public Running begin(List<String> line) throws IOException {
        int number = ++runs;
        Path out = folder.resolve("out-" + number);
        Path err = folder.resolve("err-" + number);
        ProcessBuilder builder = new ProcessBuilder(line);
        builder.environment()
                .keySet()
                .removeIf(name -> name.startsWith("TIDEMARK_") && !name.equals(ServerCommand.MORE_OPTIONS));
        builder.environment().put("TIDEMARK_STATE", folder.resolve("state").toString());
        builder.environment().put("TIDEMARK_RUN", folder.resolve("run").toString());
        builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
        builder.redirectOutput(out.toFile()).redirectError(err.toFile());
        return new Running(builder.start(), out, err);
    }

    public Result run(String... arguments) throws IOException, InterruptedException {
        return begin(arguments).await();
    }

    /** Demands success. */
    public Result ok(String... arguments) throws IOException, InterruptedException {
        Result result = run(arguments);
        assertThat(result.exitCode())
                .as("tidemark %s: %s%s", String.join(" ", arguments), result.out(), result.err())
                .isZero();
        return result;
    }

    /** Demands that it is refused with this code and one sentence that holds these words. */
    public Result refused(int exitCode, String words, String... arguments) throws IOException, InterruptedException {
        Result result = run(arguments);
        refused(result, exitCode, words);
        return result;
    }

    public static void refused(Result result, int exitCode, String words) {
        System.out.println("exit " + result.exitCode() + ": " + result.err().strip());
        assertThat(result.exitCode()).as(result.out() + result.err()).isEqualTo(exitCode);
        String said = result.err()
                .lines()
                .filter(line -> line.startsWith("tidemark: "))
                .reduce("", String::concat);
        assertThat(said).containsIgnoringCase(words).hasSizeLessThan(400);
        assertThat(result.err())
                .doesNotContain("\tat ")
                .doesNotContain("Exception")
                .doesNotContain("null");
        assertThat(result.err().lines().count()).as(result.err()).isLessThanOrEqualTo(2);
        assertThat(result.out()).isEmpty();
    }

    /** Attaches an image; the answer is the path of its block device. */
    public String attach(Path image, String... more) throws IOException, InterruptedException {
        List<String> line = new ArrayList<>(List.of("attach", image.toString(), "--json"));
        line.addAll(List.of(more));
        return String.valueOf(ok(line.toArray(String[]::new)).json().get("blockDevice"));
    }

    /** A container of one image and a target, both remembered. */
    public void protect(String container, Path image, Path target) throws IOException, InterruptedException {
        ok("container", "add", container, "--image", image.toString());
        ok("target", "add", "t-" + container, target.toString());
    }

    /** Random bytes at a place of a block device or a file. */
    public static void random(Object to, int atMebibytes, int mebibytes) throws IOException, InterruptedException {
        Commands.run(
                LIMIT,
                "dd",
                "if=/dev/urandom",
                "of=" + to,
                "bs=1M",
                "seek=" + atMebibytes,
                "count=" + mebibytes,
                "conv=notrunc,fsync",
                "status=none");
    }

    /** Checksums of everything in a folder, or of a file. */
    public static String checksum(Path path) throws IOException, InterruptedException {
        return Commands.run(LIMIT, "sh", "-c", "find '" + path + "' -type f | sort | xargs -r sha256sum");
    }

    /** Something that comes true by and by. */
    public interface Check {
        boolean holds() throws IOException, InterruptedException;
    }

    /**
     * Waits for it. Rests as long as a look took: looks that are requests or commands leave half of the processor to what is waited
     * for, and cheap ones do not miss what is there for a moment only.
     */
    public static void await(String what, Check check) throws IOException, InterruptedException {
        long begin = System.nanoTime();
        while (true) {
            long looked = System.nanoTime();
            if (check.holds()) {
                return;
            }
            long now = System.nanoTime();
            if (now - begin > LIMIT.toNanos()) {
                throw new AssertionError("not within " + LIMIT + ": " + what);
            }
            LockSupport.parkNanos(Math.min(Math.max(now - looked, SHORTEST_PAUSE_NANOS), LONGEST_PAUSE_NANOS));
        }
    }

    @Override
    public void close() throws IOException {
        appliance.close();
        Leftovers.clear(word);
    }
}
