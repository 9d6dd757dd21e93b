package org.tidemark.appliance.service;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tidemark.ploop.testing.Commands;

/** A real container of runc: busybox in a root file system of the test's, running one shell line. */
final class RuncContainer implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final Path root;
    private final String id;

    private RuncContainer(Path root, String id) {
        this.root = root;
        this.id = id;
    }

    /**
     * Starts it.
     *
     * @param folder for runc's own files and the bundle
     * @param rootFs where the container's file system is mounted; gets a busybox
     * @param shellLine what runs inside
     */
    static RuncContainer start(Path folder, String id, Path rootFs, String shellLine)
            throws IOException, InterruptedException {
        Path bin = Files.createDirectories(rootFs.resolve("bin"));
        for (String name : List.of("proc", "dev", "sys", "data", "tmp")) {
            Files.createDirectories(rootFs.resolve(name));
        }
        // Debian has it with and without libraries.
        Commands.run(
                LIMIT,
                "sh",
                "-c",
                "program=$(command -v busybox); cp \"$program\" '" + bin + "/busybox'; ldd \"$program\" 2>/dev/null |"
                        + " grep -o '/[^ ]*' | xargs -r cp -L --parents -t '" + rootFs + "'");
        if (!Files.exists(bin.resolve("sh"))) {
            Files.createSymbolicLink(bin.resolve("sh"), Path.of("busybox"));
        }
        Path bundle = Files.createDirectories(folder.resolve("bundle-" + id));
        Commands.run(LIMIT, "runc", "spec", "-b", bundle.toString());
        Path config = bundle.resolve("config.json");
        Map<String, Object> spec = new LinkedHashMap<>(JSON.std.mapFrom(Files.readString(config)));
        Map<String, Object> process = object(spec, "process");
        process.put("terminal", false);
        process.put("args", List.of("/bin/sh", "-c", shellLine));
        process.remove("rlimits");
        spec.put("process", process);
        Map<String, Object> where = new LinkedHashMap<>();
        where.put("path", rootFs.toString());
        where.put("readonly", false);
        spec.put("root", where);
        Map<String, Object> linux = object(spec, "linux");
        // One that a killed run left may be frozen, and whoever is born in it would be, too.
        linux.put(
                "cgroupsPath",
                "/tidemark-test/" + id + "-" + ProcessHandle.current().pid());
        spec.put("linux", linux);
        Files.writeString(config, JSON.std.asString(spec));
        Path root = folder.resolve("runc");
        RuncContainer container = new RuncContainer(root, id);
        container.remove();
        Commands.run(
                LIMIT,
                "sh",
                "-c",
                "exec runc --root '" + root + "' run -d -b '" + bundle + "' " + id + " </dev/null >/dev/null 2>'"
                        + bundle + "/err' || { cat '" + bundle + "/err'; exit 1; }");
        return container;
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> object(Map<String, Object> parent, String name) {
        return new LinkedHashMap<>((Map<String, Object>) parent.get(name));
    }

    Path root() {
        return root;
    }

    String id() {
        return id;
    }

    /** {@code running}, {@code paused} or {@code stopped}. */
    String status() throws IOException, InterruptedException {
        String state = Commands.run(LIMIT, "runc", "--root", root.toString(), "state", id);
        return String.valueOf(JSON.std.mapFrom(state).get("status"));
    }

    private void remove() throws IOException, InterruptedException {
        List<String> line = new ArrayList<>(List.of("runc", "--root", root.toString(), "delete", "--force", id));
        Commands.tryRun(LIMIT, line.toArray(String[]::new));
    }

    @Override
    public void close() throws IOException {
        try {
            remove();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
