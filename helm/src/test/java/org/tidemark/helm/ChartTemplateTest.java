package org.tidemark.helm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ChartTemplateTest {
    private static final String DATA_PLANE = "DaemonSet/backup-tidemark-data-plane";
    private static final String APPLIANCE = "StatefulSet/backup-tidemark";
    private static final String PROVISION = "ConfigMap/backup-tidemark-provision";

    @TempDir
    Path folder;

    private static Map<String, Map<String, Object>> rendered(String values) {
        return Chart.own().render(Chart.own().values(values));
    }

    private static Chart.Node manifest(Map<String, Map<String, Object>> manifests, String name) {
        assertThat(manifests).containsKey(name);
        return new Chart.Node(manifests.get(name));
    }

    private static Chart.Node container(Chart.Node workload, String name) {
        return workload.at("spec", "template", "spec", "containers").named(name);
    }

    private static String mount(Chart.Node container, String volume, String field) {
        return container.at("volumeMounts").named(volume).text(field);
    }

    private static String env(Chart.Node container, String name) {
        return container.at("env").named(name).text("value");
    }

    @Test
    void whatIsThereWithLeastValues() {
        assertThat(rendered("minimal")).containsOnlyKeys(DATA_PLANE, APPLIANCE, PROVISION, "Service/backup-tidemark");
    }

    @Test
    void whatIsThereWithAllValues() {
        assertThat(rendered("full"))
                .containsOnlyKeys(
                        DATA_PLANE,
                        APPLIANCE,
                        PROVISION,
                        "Service/backup-tidemark",
                        "PersistentVolumeClaim/backup-tidemark-state",
                        "Ingress/backup-tidemark",
                        "NetworkPolicy/backup-tidemark",
                        "NetworkPolicy/backup-tidemark-data-plane",
                        "ServiceMonitor/backup-tidemark");
    }

    @ParameterizedTest
    @ValueSource(strings = {"minimal", "s3", "full"})
    void anUpgradeTouchesNoContainerIo(String values) {
        Chart.Node dataPlane = manifest(rendered(values), DATA_PLANE);
        assertThat(dataPlane.text("spec", "updateStrategy", "type")).isEqualTo("OnDelete");
        Chart.Node server = container(dataPlane, "data-plane");
        assertThat(server.has("livenessProbe")).isFalse();
        // Kubernetes makes one dollar of two in arguments.
        assertThat(server.text("args", 0)).contains("\"$tidemark\" holder &").doesNotContain("serve\"", "$$");
        assertThat(dataPlane.list("spec", "template", "spec", "containers")).hasSize(1);
    }

    @Test
    void theDataPlaneKeepsItsVersionAndOutlivesTheRelease() {
        Chart.Node full = manifest(rendered("full"), DATA_PLANE);
        assertThat(container(full, "data-plane").text("image")).isEqualTo("registry.example.com:5000/tidemark:0.1.0");
        assertThat(container(manifest(rendered("full"), APPLIANCE), "appliance").text("image"))
                .isEqualTo("registry.example.com:5000/tidemark:0.2.0");
        assertThat(full.at("metadata").has("annotations")).isFalse();
        assertThat(manifest(rendered("minimal"), DATA_PLANE).text("metadata", "annotations", "helm.sh/resource-policy"))
                .isEqualTo("keep");
    }

    @ParameterizedTest
    @ValueSource(strings = {"minimal", "s3", "full"})
    void bothAreOnTheSameNodeAndSeeTheSameFolders(String values) {
        Map<String, Map<String, Object>> manifests = rendered(values);
        Chart.Node dataPlane = manifest(manifests, DATA_PLANE);
        Chart.Node appliance = manifest(manifests, APPLIANCE);
        assertThat(dataPlane.at("spec", "template", "spec", "nodeSelector"))
                .isEqualTo(appliance.at("spec", "template", "spec", "nodeSelector"));
        assertThat(appliance.text("spec", "replicas")).isEqualTo("1");
        for (Chart.Node workload : List.of(dataPlane, appliance)) {
            Chart.Node pod = workload.at("spec", "template", "spec");
            assertThat(pod.text("hostPID")).isEqualTo("true");
            assertThat(pod.text("automountServiceAccountToken")).isEqualTo("false");
            Chart.Node first = pod.list("containers").get(0);
            assertThat(first.text("securityContext", "privileged")).isEqualTo("true");
            assertThat(first.text("securityContext", "readOnlyRootFilesystem")).isEqualTo("true");
            assertThat(first.at("resources").map()).containsKeys("requests", "limits");
            assertThat(env(first, "TIDEMARK_RUN")).isEqualTo("/run/tidemark");
            assertThat(mount(first, "run", "mountPath")).isEqualTo("/run/tidemark");
            assertThat(mount(first, "dev", "mountPath")).isEqualTo("/dev");
            assertThat(mount(first, "folder-0", "mountPath")).isEqualTo("/vz");
            assertThat(pod.at("volumes").named("folder-0").text("hostPath", "path"))
                    .isEqualTo("/vz");
            assertThat(pod.at("volumes").named("machine-id").text("hostPath", "path"))
                    .isEqualTo("/etc/machine-id");
        }
    }

    @Test
    void mountsReachWhoNeedsThem() {
        Map<String, Map<String, Object>> manifests = rendered("minimal");
        Chart.Node server = container(manifest(manifests, DATA_PLANE), "data-plane");
        Chart.Node appliance = container(manifest(manifests, APPLIANCE), "appliance");
        assertThat(mount(server, "run", "mountPropagation")).isEqualTo("Bidirectional");
        assertThat(mount(server, "folder-0", "mountPropagation")).isEqualTo("HostToContainer");
        assertThat(mount(server, "state", "subPath")).isEqualTo("scratch");
        assertThat(mount(appliance, "folder-0", "mountPropagation")).isEqualTo("Bidirectional");
        assertThat(mount(appliance, "run", "mountPropagation")).isEqualTo("HostToContainer");
        assertThat(env(appliance, "TIDEMARK_DATA_PLANE")).isEqualTo("external");
    }

    @Test
    void probesSpeakAsThePortDoes() {
        for (String probe : List.of("startupProbe", "livenessProbe", "readinessProbe")) {
            Chart.Node tls = container(manifest(rendered("minimal"), APPLIANCE), "appliance");
            assertThat(tls.text(probe, "httpGet", "scheme")).isEqualTo("HTTPS");
            String path = probe.equals("readinessProbe") ? "/q/health/ready" : "/q/health/live";
            assertThat(tls.text(probe, "httpGet", "path")).isEqualTo(path);
            assertThat(tls.text(probe, "httpGet", "port")).isEqualTo("api");
            Chart.Node plain = container(
                    manifest(Chart.own().render("minimal", "tls: {mode: 'off', behindProxy: true}", folder), APPLIANCE),
                    "appliance");
            assertThat(plain.text(probe, "httpGet", "scheme")).isEqualTo("HTTP");
            assertThat(env(plain, "TIDEMARK_BEHIND_PROXY")).isEqualTo("true");
        }
    }

    @Test
    void targetsContainersAndPoliciesBecomeOneFile() {
        Map<String, Map<String, Object>> manifests = rendered("s3");
        Chart.Node provision =
                new Chart.Node(Chart.load(manifest(manifests, PROVISION).text("data", "provision.json")));
        Chart.Node offsite = provision.list("targets").get(0);
        assertThat(offsite.at("s3", "credentials").map())
                .isEqualTo(Map.of(
                        "source",
                        "FILE",
                        "file",
                        "/etc/tidemark/credentials/offsite/credentials",
                        "profile",
                        "tidemark"));
        assertThat(offsite.at("s3").map()).containsEntry("pathStyle", true).containsEntry("bucket", "backups");
        assertThat(provision.text("targets", 1, "s3", "credentials", "source")).isEqualTo("ENVIRONMENT");
        assertThat(provision.text("containers", 0, "mount")).isEqualTo("/vz/root/101");
        assertThat(provision.at("policies", 0, "schedule", "everySeconds").value())
                .isEqualTo(300);

        Chart.Node pod = manifest(manifests, APPLIANCE).at("spec", "template", "spec");
        Chart.Node appliance = pod.at("containers").named("appliance");
        assertThat(env(appliance, "TIDEMARK_PROVISION")).isEqualTo("/etc/tidemark/provision/provision.json");
        assertThat(mount(appliance, "credentials-0", "mountPath")).isEqualTo("/etc/tidemark/credentials/offsite");
        assertThat(pod.at("volumes").named("credentials-0").text("secret", "secretName"))
                .isEqualTo("offsite-s3");
        assertThat(appliance.text("envFrom", 0, "secretRef", "name")).isEqualTo("aws");
    }

    @Test
    void aChangeOfThemRestartsTheApplianceAndNothingElse() {
        Map<String, Map<String, Object>> before = rendered("s3");
        Map<String, Map<String, Object>> after = Chart.own().render("s3", "containers: []", folder);
        assertThat(after.get(DATA_PLANE)).isEqualTo(before.get(DATA_PLANE));
        assertThat(after.get(APPLIANCE)).isNotEqualTo(before.get(APPLIANCE));
    }

    @ParameterizedTest
    @ValueSource(strings = {"minimal", "s3", "full"})
    void noSecretIsMadeOrWrittenDown(String values) {
        assertThat(secretsWrittenDown(rendered(values))).isEmpty();
    }

    /** Control: a chart that hands values on unread, given keys, is found. */
    @Test
    void aLeakIsFound() throws IOException {
        Chart copy = Chart.own().copyTo(folder.resolve("tidemark"));
        Files.delete(copy.folder().resolve("values.schema.json"));
        copy.replace("templates/_names.tpl", "{{- $_ := set $target.s3 \"credentials\" $credentials -}}", "");
        String keys = "targets: [{name: a, kind: S3, s3: {credentials: {source: CATALOGUE, secretKey: geheim}}}]";
        assertThat(secretsWrittenDown(copy.render("minimal", keys, folder))).containsExactly(PROVISION);
    }

    private static List<String> secretsWrittenDown(Map<String, Map<String, Object>> manifests) {
        List<String> words = List.of("secretkey", "accesskey", "password", "secret_access", "private key");
        return manifests.entrySet().stream()
                .filter(one -> one.getKey().startsWith("Secret/")
                        || words.stream().anyMatch(one.getValue().toString().toLowerCase(Locale.ROOT)::contains))
                .map(Map.Entry::getKey)
                .toList();
    }

    @Test
    void tlsFilesComeFromTheSecret() {
        Chart.Node pod = manifest(rendered("full"), APPLIANCE).at("spec", "template", "spec");
        Chart.Node appliance = pod.at("containers").named("appliance");
        assertThat(env(appliance, "TIDEMARK_TLS")).isEqualTo("files");
        assertThat(env(appliance, "TIDEMARK_TLS_CERTIFICATE")).isEqualTo("/etc/tidemark/tls/tls.crt");
        assertThat(mount(appliance, "tls", "mountPath")).isEqualTo("/etc/tidemark/tls");
        assertThat(pod.at("volumes").named("tls").text("secret", "secretName")).isEqualTo("tidemark-tls");
        assertThat(env(appliance, "TIDEMARK_JOBS_MAX")).isEqualTo("4");
        assertThat(pod.at("volumes").named("state").text("persistentVolumeClaim", "claimName"))
                .isEqualTo("backup-tidemark-state");
    }

    @Test
    void metricsNeedAToken() {
        Chart.Node endpoint =
                manifest(rendered("full"), "ServiceMonitor/backup-tidemark").at("spec", "endpoints", 0);
        assertThat(endpoint.text("authorization", "credentials", "name")).isEqualTo("tidemark-metrics");
        assertThat(endpoint.text("scheme")).isEqualTo("https");
        assertThat(endpoint.text("path")).isEqualTo("/q/metrics");
    }
}
