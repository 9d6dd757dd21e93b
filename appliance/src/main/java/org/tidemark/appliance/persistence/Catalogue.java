package org.tidemark.appliance.persistence;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.tidemark.ploop.os.NativeFile;

/**
 * Containers and targets by name, in a state folder. Entries are replaced as a whole: a crash leaves the old one or the new
 * one. Safe for several processes.
 */
public final class Catalogue {
    /** Environment variable that names another state folder. */
    public static final String VARIABLE = "TIDEMARK_STATE";

    private static final Path USUAL = Path.of("/var/lib/tidemark");
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}");
    private static final String CONTAINERS = "containers";
    private static final String TARGETS = "targets";

    private final Path folder;

    public Catalogue(Path folder) {
        this.folder = folder;
    }

    /** The state folder that {@link #VARIABLE} names, or the usual one. */
    public static Catalogue ofEnvironment(Map<String, String> environment) {
        String named = environment.getOrDefault(VARIABLE, "");
        return new Catalogue(named.isEmpty() ? USUAL : Path.of(named).toAbsolutePath());
    }

    public Path folder() {
        return folder;
    }

    /** A folder for old data that views keep; on a local disk. */
    public Path scratchFolder() {
        return folder.resolve("scratch");
    }

    public ContainerEntry container(String name) throws IOException {
        return ContainerEntry.of(read(CONTAINERS, name, "container"));
    }

    public List<ContainerEntry> containers() throws IOException {
        return all(CONTAINERS, ContainerEntry::of);
    }

    public void add(ContainerEntry entry) throws IOException {
        write(CONTAINERS, entry.name(), entry.toMap());
    }

    public void removeContainer(String name) throws IOException {
        container(name);
        Files.delete(file(CONTAINERS, name));
    }

    public TargetEntry target(String name) throws IOException {
        return TargetEntry.of(read(TARGETS, name, "target"));
    }

    public List<TargetEntry> targets() throws IOException {
        return all(TARGETS, TargetEntry::of);
    }

    public void add(TargetEntry entry) throws IOException {
        write(TARGETS, entry.name(), entry.toMap());
    }

    public void removeTarget(String name) throws IOException {
        target(name);
        Files.delete(file(TARGETS, name));
    }

    /** Keeps others from working on {@code subject}, for instance a container, until it is closed; null when one does. */
    public @org.jspecify.annotations.Nullable NativeFile tryLock(String subject) throws IOException {
        Path locks = folder.resolve("locks");
        Files.createDirectories(locks);
        NativeFile file = NativeFile.open(
                locks.resolve(checked(subject) + ".lock"), NativeFile.READ_WRITE | NativeFile.CREATE, 0600);
        if (file.tryLock(true)) {
            return file;
        }
        file.close();
        return null;
    }

    private Map<String, Object> read(String kind, String name, String word) throws IOException {
        Path file = file(kind, name);
        if (!Files.exists(file)) {
            List<String> known = names(kind);
            throw new NoSuchFileException("there is no " + word + " '" + name + "'"
                    + (known.isEmpty() ? "; add one with 'tidemark " + word + " add'" : "; there are " + known));
        }
        return JSON.std.mapFrom(Files.readString(file));
    }

    private <T> List<T> all(String kind, Function<Map<String, Object>, T> read) throws IOException {
        List<T> found = new ArrayList<>();
        for (String name : names(kind)) {
            found.add(read.apply(JSON.std.mapFrom(Files.readString(file(kind, name)))));
        }
        return found;
    }

    private List<String> names(String kind) throws IOException {
        Path entries = folder.resolve(kind);
        if (!Files.isDirectory(entries)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(entries)) {
            return files.map(path -> String.valueOf(path.getFileName()))
                    .filter(name -> name.endsWith(".json"))
                    .map(name -> name.substring(0, name.length() - ".json".length()))
                    .sorted()
                    .toList();
        }
    }

    private void write(String kind, String name, Map<String, Object> entry) throws IOException {
        Path file = file(kind, name);
        if (Files.exists(file)) {
            throw new FileAlreadyExistsException("'" + name + "' exists already; remove it first or take another name");
        }
        Files.createDirectories(folder.resolve(kind));
        Path fresh = folder.resolve(kind).resolve("." + name + ".new");
        Files.writeString(fresh, JSON.std.asString(entry));
        try (var channel = java.nio.channels.FileChannel.open(fresh, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        try (NativeFile entries =
                NativeFile.open(folder.resolve(kind), NativeFile.READ_ONLY | NativeFile.DIRECTORY, 0)) {
            entries.fsync();
        }
    }

    private Path file(String kind, String name) {
        return folder.resolve(kind).resolve(checked(name) + ".json");
    }

    private static String checked(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "'" + name + "' cannot be a name: take letters, digits, dots, dashes and underscores");
        }
        return name;
    }
}
