package org.tidemark.helm;

import com.marcnuri.helm.Helm;
import com.marcnuri.helm.LintResult;
import com.marcnuri.helm.TemplateCommand;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.yaml.snakeyaml.Yaml;

/** The chart, or a copy of it that may be changed. */
record Chart(Path folder) {
    static final List<String> VALUES = List.of("minimal", "s3", "full");

    static Chart own() {
        return new Chart(Path.of("tidemark").toAbsolutePath());
    }

    Path values(String name) {
        return folder.resolve("ci/" + name + "-values.yaml");
    }

    Chart copyTo(Path target) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.toList()) {
                Path to = target.resolve(folder.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(to);
                } else {
                    Files.copy(file, to);
                }
            }
        }
        return new Chart(target);
    }

    void replace(String file, String old, String fresh) throws IOException {
        String text = Files.readString(folder.resolve(file));
        if (!text.contains(old)) {
            throw new IllegalArgumentException(file + " does not contain: " + old);
        }
        Files.writeString(folder.resolve(file), text.replace(old, fresh));
    }

    /** Lint takes no value files: what they say becomes the default of a copy. */
    Chart withDefaults(String valuesName, Path target) throws IOException {
        Chart copy = copyTo(target);
        Map<String, Object> merged = merge(
                load(Files.readString(folder.resolve("values.yaml"))), load(Files.readString(values(valuesName))));
        Files.writeString(target.resolve("values.yaml"), new Yaml().dump(merged));
        return copy;
    }

    LintResult lint() {
        return new Helm(folder).lint().strict().call();
    }

    /** The manifests, by "Kind/name". */
    Map<String, Map<String, Object>> render(Path values) {
        TemplateCommand command = new Helm(folder)
                .template()
                .withName("backup")
                .withNamespace("storage")
                .withKubeVersion("1.30.0")
                .withValuesFile(values);
        Map<String, Map<String, Object>> manifests = new LinkedHashMap<>();
        for (Object document : new Yaml().loadAll(command.call())) {
            if (document != null) {
                Node node = new Node(document);
                String name = node.text("kind") + "/" + node.text("metadata", "name");
                if (manifests.put(name, node.map()) != null) {
                    throw new IllegalStateException("rendered twice: " + name);
                }
            }
        }
        return manifests;
    }

    /** The manifests with other values than in a file of {@code ci}. */
    Map<String, Map<String, Object>> render(String valuesName, String more, Path scratch) {
        try {
            Map<String, Object> merged = merge(load(Files.readString(values(valuesName))), load(more));
            Path file = Files.createTempFile(scratch, "values", ".yaml");
            Files.writeString(file, new Yaml().dump(merged));
            return render(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Map<String, Object> load(String yaml) {
        return new Node(Objects.requireNonNull(new Yaml().load(yaml), "empty")).map();
    }

    private static Map<String, Object> merge(Map<String, Object> below, Map<String, Object> above) {
        Map<String, Object> merged = new LinkedHashMap<>(below);
        above.forEach((key, value) -> {
            Object old = merged.get(key);
            boolean both = old instanceof Map && value instanceof Map;
            merged.put(key, both ? merge(new Node(old).map(), new Node(value).map()) : value);
        });
        return merged;
    }

    /** Something parsed from YAML, with a way down. */
    record Node(Object value) {
        @SuppressWarnings("unchecked")
        Map<String, Object> map() {
            return (Map<String, Object>) value;
        }

        Node at(Object... path) {
            Object here = value;
            for (Object step : path) {
                Object next = step instanceof Integer index
                        ? ((List<?>) here).get(index)
                        : ((Map<?, ?>) here).get(step.toString());
                if (next == null) {
                    throw new AssertionError("nothing at " + List.of(path) + " of " + value);
                }
                here = next;
            }
            return new Node(here);
        }

        String text(Object... path) {
            return at(path).value.toString();
        }

        List<Node> list(Object... path) {
            List<Node> nodes = new ArrayList<>();
            ((List<?>) at(path).value).forEach(item -> nodes.add(new Node(item)));
            return nodes;
        }

        boolean has(String key) {
            return map().get(key) != null;
        }

        /** The item of a list that has this name. */
        Node named(String name) {
            return ((List<?>) value)
                    .stream()
                            .map(Node::new)
                            .filter(node -> name.equals(node.map().get("name")))
                            .findFirst()
                            .orElseThrow(() -> new AssertionError("no " + name + " in " + value));
        }
    }
}
