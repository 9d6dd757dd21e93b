package org.tidemark.appliance.config;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.tidemark.ploop.os.JavaCommand;

/**
 * The appliance as the build leaves it, in the folder that holds {@code quarkus-app}.
 *
 * <p>It runs on a plain class path, which the launcher puts together in the same way, and not through Quarkus' own class
 * loader: only from there the JVM can take classes from an archive, which halves the time of a start.
 *
 * @param home the folder
 */
public record PackagedAppliance(Path home) {
    private static final String MAIN = "org.tidemark.appliance.Serve";
    /** What runs it by itself with {@code java -jar}, and a mark of the folder. */
    private static final String RUNNER = "quarkus-app/quarkus-run.jar";

    private static final String ARCHIVE = "tidemark-serve.jsa";
    private static final String COMMANDS_ARCHIVE = "tidemark.jsa";
    /** Before the libraries whose classes they replace. */
    private static final List<String> FOLDERS =
            List.of("quarkus-app/quarkus", "quarkus-app/app", "quarkus-app/lib/main", "quarkus-app/lib/boot");

    /** The one that {@code type} was loaded from; empty when that was not built as a whole. */
    public static Optional<PackagedAppliance> of(Class<?> type) throws IOException {
        try {
            Path here = Path.of(
                    type.getProtectionDomain().getCodeSource().getLocation().toURI());
            for (Path folder = here; folder != null; folder = folder.getParent()) {
                if (Files.exists(folder.resolve(RUNNER))) {
                    return Optional.of(new PackagedAppliance(folder));
                }
            }
            return Optional.empty();
        } catch (URISyntaxException e) {
            throw new IOException(e);
        }
    }

    /** The last arguments of the JVM, with the main class; those of the appliance follow. */
    public List<String> mainClass() throws IOException {
        List<String> line = new ArrayList<>();
        Path archive = home.resolve(ARCHIVE);
        if (Files.exists(archive)) {
            // One that does not fit is ignored, without a word.
            line.addAll(List.of("-XX:SharedArchiveFile=" + archive, "-Xlog:cds=off", "-Xlog:class+path=off"));
        }
        line.addAll(List.of("-Djava.util.logging.manager=org.jboss.logmanager.LogManager", "-cp", classPath(), MAIN));
        return line;
    }

    private String classPath() throws IOException {
        List<String> entries = new ArrayList<>();
        for (String folder : FOLDERS) {
            entries.addAll(jars(folder, "*.jar"));
        }
        return String.join(File.pathSeparator, entries);
    }

    /**
     * Arguments of the JVM that tell the appliance how to start holder and device server.
     *
     * @throws IOException also when the command line was not built
     */
    public List<String> servers() throws IOException {
        List<String> entries = jars("", "appliance-*.jar").stream()
                .filter(jar -> !jar.endsWith("-sources.jar") && !jar.endsWith("-tests.jar"))
                .limit(1)
                .collect(Collectors.toCollection(ArrayList::new));
        if (entries.isEmpty()) {
            throw new IOException("there is no appliance-*.jar in " + home + "; build it with mvn package");
        }
        entries.addAll(jars("lib", "*.jar"));
        return List.of(
                "-D" + JavaCommand.CLASS_PATH + "=" + String.join(File.pathSeparator, entries),
                "-D" + JavaCommand.CLASS_DATA + "=" + home.resolve(COMMANDS_ARCHIVE));
    }

    /** In one order whatever the file system, because an archive fits one only. */
    private List<String> jars(String folder, String pattern) throws IOException {
        List<String> jars = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(home.resolve(folder), pattern)) {
            found.forEach(jar -> jars.add(jar.toString()));
        }
        Collections.sort(jars);
        return jars;
    }
}
