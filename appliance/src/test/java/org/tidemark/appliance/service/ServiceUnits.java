package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.tidemark.appliance.cli.Cli;
import org.tidemark.ploop.os.Processes;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Leftovers;

/**
 * The product's own units, run by a real systemd: a user's instance with a folder of its own. It refuses to run on a machine
 * that was not booted with systemd, so it gets a mount namespace in which that looks otherwise. What others have mounted is let
 * go there, because it would keep their devices busy.
 */
final class ServiceUnits implements AutoCloseable {
    static final String DATA_PLANE = "tidemark-data-plane";
    static final String APPLIANCE = "tidemark";

    private static final Duration LIMIT = Duration.ofSeconds(90);
    private static final String SYSTEMD = "/lib/systemd/systemd";

    private final Path folder;
    private final Process systemd;

    private ServiceUnits(Path folder, Process systemd) {
        this.folder = folder;
        this.systemd = systemd;
    }

    /**
     * Starts systemd, with both units at hand; run folder and state lie in {@code cli}'s folder, where its commands look for them.
     *
     * @param more settings of the data plane's unit
     */
    static ServiceUnits of(Cli cli, String... more) throws IOException, InterruptedException {
        Path folder = Files.createDirectory(cli.path("systemd"));
        Path units = Files.createDirectories(folder.resolve("config/systemd/user"));
        Path home = Path.of(System.getProperty("user.dir")).resolve("..").toRealPath();
        Commands.run(LIMIT, home.resolve("scripts/systemd/install").toString(), units.toString());
        String run = "Environment=TIDEMARK_RUN=" + cli.path("run");
        settle(
                units,
                DATA_PLANE,
                folder,
                Stream.concat(Stream.of(run), Stream.of(more)).toArray(String[]::new));
        settle(
                units,
                APPLIANCE,
                folder,
                run,
                "Environment=TIDEMARK_STATE=" + cli.path("state"),
                "Environment=TIDEMARK_JAVA_OPTIONS=-XX:TieredStopAtLevel=1",
                "ExecStart=",
                "ExecStart=" + home + "/tidemark serve --listen=127.0.0.1:0 --tls=off");
        ProcessBuilder builder = new ProcessBuilder(
                "unshare",
                "-m",
                "--propagation",
                "private",
                "sh",
                "-c",
                "awk '$1 ~ \"^/dev/loop\" || $3 ~ \"^fuse\" { print $2 }' /proc/mounts | tac | xargs -r umount -l;"
                        + " mkdir -p /run/systemd && mount -t tmpfs systemd /run/systemd && mkdir /run/systemd/system"
                        + " && exec " + SYSTEMD + " --user --log-target=console");
        builder.environment().put("XDG_RUNTIME_DIR", folder.toString());
        builder.environment().put("XDG_CONFIG_HOME", folder.resolve("config").toString());
        builder.redirectErrorStream(true)
                .redirectOutput(folder.resolve("systemd.log").toFile());
        builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
        ServiceUnits services = new ServiceUnits(folder, builder.start());
        Cli.await("systemd runs", () -> Files.exists(folder.resolve("systemd/private")));
        return services;
    }

    private static void settle(Path units, String unit, Path folder, String... settings) throws IOException {
        List<String> lines = new ArrayList<>(List.of("[Service]"));
        lines.addAll(List.of(settings));
        lines.add("StandardOutput=append:" + folder.resolve(unit + ".out"));
        lines.add("StandardError=inherit");
        Path more = Files.createDirectory(units.resolve(unit + ".service.d"));
        Files.write(more.resolve("test.conf"), lines);
    }

    /** {@code systemctl} of this instance. */
    String control(String... words) throws IOException, InterruptedException {
        List<String> line = new ArrayList<>(List.of(
                "nsenter",
                "-m",
                "-t",
                Long.toString(systemd.pid()),
                "env",
                "XDG_RUNTIME_DIR=" + folder,
                "systemctl",
                "--user"));
        line.addAll(List.of(words));
        try {
            return Commands.run(LIMIT, line.toArray(String[]::new));
        } catch (AssertionError e) {
            throw new AssertionError(e.getMessage() + "\n" + said(), e);
        }
    }

    private String property(String unit, String name) throws IOException, InterruptedException {
        return control("show", "--value", "-p", name, unit).strip();
    }

    /** The main process of a unit; 0 while there is none. */
    long mainProcess(String unit) throws IOException, InterruptedException {
        return Long.parseLong(property(unit, "MainPID"));
    }

    boolean isActive(String unit) throws IOException, InterruptedException {
        return property(unit, "ActiveState").equals("active");
    }

    /** How many descriptors systemd keeps for a unit. */
    int descriptors(String unit) throws IOException, InterruptedException {
        return Integer.parseInt(property(unit, "NFileDescriptorStore"));
    }

    /** What the units and systemd wrote last, for a test that failed. */
    String said() throws IOException {
        StringBuilder said = new StringBuilder();
        for (String name : List.of("systemd.log", DATA_PLANE + ".out", APPLIANCE + ".out")) {
            Path file = folder.resolve(name);
            String text = Files.exists(file) ? Files.readString(file) : "";
            said.append(name).append(": ...").append(text.substring(Math.max(0, text.length() - 2000)));
        }
        return said.toString();
    }

    @Override
    public void close() throws IOException {
        killAll(folder.toString());
    }

    /** Whatever a crashed run of the test left running, which {@link Leftovers} cannot know by its command line. */
    static void clear(String word) throws IOException {
        killAll(Leftovers.PREFIX + word);
    }

    /** systemd first, or it would start the rest again. */
    private static void killAll(String runtimeFolder) throws IOException {
        for (String name : List.of("systemd", "")) {
            try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
                for (Path process : processes) {
                    if (read(process.resolve("environ")).contains("XDG_RUNTIME_DIR=" + runtimeFolder)
                            && read(process.resolve("comm")).startsWith(name)) {
                        Processes.byPid(Long.parseLong(process.getFileName().toString()))
                                .signal(Processes.KILL);
                    }
                }
            }
        }
    }

    private static String read(Path file) {
        try {
            return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }
}
