package org.tidemark.helm;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.networking.v1.Ingress;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every field is one that Kubernetes knows, of the right type; names that refer to something find it. */
final class ManifestShapeTest {
    private static final Map<String, Class<?>> KINDS = Map.of(
            "DaemonSet", DaemonSet.class,
            "StatefulSet", StatefulSet.class,
            "ConfigMap", ConfigMap.class,
            "Service", Service.class,
            "PersistentVolumeClaim", PersistentVolumeClaim.class,
            "Ingress", Ingress.class,
            "NetworkPolicy", NetworkPolicy.class);
    /** Fields of operators' own kinds are not known here. */
    private static final Set<String> UNKNOWN_KINDS = Set.of("ServiceMonitor");

    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"minimal", "s3", "full"})
    void everyFieldIsKnown(String values) throws Exception {
        assertThat(problems(Chart.own().render(Chart.own().values(values)))).isEmpty();
    }

    /** Control: a typing error, a wrong type, and names that lead nowhere are found. */
    @Test
    void brokenCopiesAreFound() throws IOException {
        assertThat(problemsAfter("a", "data-plane.yaml", "hostPID: true", "hostPids: true"))
                .anyMatch(problem -> problem.contains("hostPids"));
        assertThat(problemsAfter("b", "appliance.yaml", "mountPropagation: HostToContainer", "mountPropogation: X"))
                .anyMatch(problem -> problem.contains("mountPropogation"));
        assertThat(problemsAfter("c", "appliance.yaml", "replicas: 1", "replicas: one"))
                .isNotEmpty();
        assertThat(problemsAfter("d", "appliance.yaml", "- {name: tmp, ", "- {name: temporary, "))
                .anyMatch(problem -> problem.contains("temporary"));
        assertThat(problemsAfter("e", "service.yaml", "targetPort: api", "targetPort: http"))
                .anyMatch(problem -> problem.contains("http"));
    }

    private List<String> problemsAfter(String copy, String template, String old, String fresh) throws IOException {
        Chart chart = Chart.own().copyTo(folder.resolve(copy));
        chart.replace("templates/" + template, old, fresh);
        return problems(chart.render(chart.values("full")));
    }

    private static List<String> problems(Map<String, Map<String, Object>> manifests) {
        List<String> problems = new ArrayList<>();
        Set<String> ports = new HashSet<>();
        manifests.forEach((name, manifest) -> {
            Chart.Node node = new Chart.Node(manifest);
            String kind = node.text("kind");
            if (node.text("metadata", "name").length() > 63) {
                problems.add(name + ": the name is too long");
            }
            if (KINDS.containsKey(kind)) {
                unknownFields(name, manifest, KINDS.get(kind), problems);
            } else if (!UNKNOWN_KINDS.contains(kind)) {
                problems.add(name + ": unexpected kind");
            }
            if (kind.endsWith("Set")) {
                pod(name, node, problems, ports);
            }
        });
        Chart.Node service = new Chart.Node(manifests.get("Service/backup-tidemark"));
        String port = service.text("spec", "ports", 0, "targetPort");
        if (!ports.contains(port)) {
            problems.add("Service: no container has a port " + port);
        }
        return problems;
    }

    private static void unknownFields(String name, Map<String, Object> manifest, Class<?> kind, List<String> problems) {
        try {
            asides(name, MAPPER.convertValue(manifest, kind), problems);
        } catch (IllegalArgumentException e) {
            problems.add(name + ": " + e.getMessage());
        }
    }

    /** Walks the typed object; what its classes do not know they keep in {@code additionalProperties}. */
    private static void asides(String path, @Nullable Object typed, List<String> problems) {
        if (typed instanceof List<?> list) {
            for (int i = 0; i < list.size(); i++) {
                asides(path + "/" + i, list.get(i), problems);
            }
            return;
        }
        if (typed == null || !typed.getClass().getName().startsWith("io.fabric8.")) {
            return;
        }
        for (var method : typed.getClass().getMethods()) {
            if (method.getParameterCount() != 0 || !method.getName().startsWith("get")) {
                continue;
            }
            try {
                Object value = method.invoke(typed);
                if (method.getName().equals("getAdditionalProperties")) {
                    ((Map<?, ?>) value).keySet().forEach(key -> problems.add(path + ": unknown field " + key));
                } else if (value instanceof List
                        || value != null && value.getClass().getName().startsWith("io.fabric8.")) {
                    asides(path + "/" + method.getName().substring(3), value, problems);
                }
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(path + ": " + method, e);
            }
        }
    }

    private static void pod(String name, Chart.Node workload, List<String> problems, Set<String> ports) {
        Map<String, Object> labels =
                workload.at("spec", "template", "metadata", "labels").map();
        if (!labels.entrySet()
                .containsAll(
                        workload.at("spec", "selector", "matchLabels").map().entrySet())) {
            problems.add(name + ": the selector does not find its pods");
        }
        Chart.Node pod = workload.at("spec", "template", "spec");
        Set<String> volumes = new HashSet<>();
        for (Chart.Node volume : pod.list("volumes")) {
            if (!volumes.add(volume.text("name"))) {
                problems.add(name + ": two volumes " + volume.text("name"));
            }
        }
        List<Chart.Node> containers = new ArrayList<>(pod.list("containers"));
        if (pod.has("initContainers")) {
            containers.addAll(pod.list("initContainers"));
        }
        for (Chart.Node container : containers) {
            Set<String> paths = new HashSet<>();
            for (Chart.Node mount : container.list("volumeMounts")) {
                if (!volumes.contains(mount.text("name"))) {
                    problems.add(name + ": no volume " + mount.text("name"));
                }
                if (!paths.add(mount.text("mountPath"))) {
                    problems.add(name + ": two mounts at " + mount.text("mountPath"));
                }
            }
            if (container.has("ports")) {
                container.list("ports").forEach(port -> ports.add(port.text("name")));
            }
        }
    }
}
