package org.tidemark.helm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Values that make no sense, or would put a secret where it does not belong, are refused before anything is rendered. */
final class ChartSchemaTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "replicas: 2",
                "replicas: -1",
                "nodename: typing-error",
                "nodeName: ''",
                "nodeName: 7",
                "hostFolders: /vz",
                "hostFolders: [vz]",
                "hostFolders: ['/vz/']",
                "hostFolders: [/]",
                "hostFolders: [/vz/../etc]",
                "hostFolders: [/vz, /vz]",
                "runFolder: run",
                "state: {kind: memory}",
                "state: {kind: claim, claim: {size: big}}",
                "image: {tag: 'a b'}",
                "image: {pullPolicy: Sometimes}",
                "dataPlane: {replicas: 1}",
                "dataPlane: {terminationGracePeriodSeconds: 0}",
                "dataPlane: {resources: {limits: {memory: lots}}}",
                "dataPlane: {updateStrategy: RollingUpdate}",
                "appliance: {maxJobs: 0}",
                "appliance: {maxJobs: '2'}",
                "appliance: {replicas: 3}",
                "appliance: {extraEnv: [{value: x}]}",
                "tls: {mode: 'off'}",
                "tls: {mode: none}",
                "tls: {mode: files}",
                "tls: {mode: files, secretName: ''}",
                "publicUrl: tidemark.example.com",
                "publicUrl: https://user:word@example.com",
                "service: {port: 70000}",
                "service: {type: ExternalName}",
                "ingress: {enabled: true}",
                "ingress: {enabled: 'yes'}",
                "networkPolicy: {enabled: true, from: [{}]}",
                "metrics: {serviceMonitor: {enabled: true}}",
                "metrics: {serviceMonitor: {interval: often}}",
                "targets: [{name: a, kind: S3, s3: {bucket: abc}}]",
                "targets: [{name: a, kind: S3, s3: {bucket: abc, credentials: {source: CATALOGUE}}}]",
                "targets: [{name: a, kind: S3, s3: {bucket: abc, credentials: {source: FILE}}}]",
                "targets: [{name: a, kind: S3, s3: {bucket: abc, credentials: {source: ENVIRONMENT, accessKey: AK}}}]",
                "targets: [{name: a, kind: S3, s3: {bucket: abc, secretKey: geheim, credentials: {source: ENVIRONMENT}}}]",
                "targets: [{name: a, kind: S3, s3: {bucket: abc, endpoint: 'https://key:geheim@s3', credentials: {source: ENVIRONMENT}}}]",
                "targets: [{name: a, kind: NFS, local: {path: /mnt}}]",
                "targets: [{name: a, kind: LOCAL, local: {path: mnt}}]",
                "targets: [{name: ../a, kind: LOCAL, local: {path: /mnt}}]",
                "targets: [{name: a, kind: LOCAL, local: {path: /mnt}, maxJobs: -1}]",
                "containers: [{name: a}]",
                "containers: [{name: a, mount: /x, runc: {id: b}}]",
                "containers: [{name: a, images: []}]",
                "policies: [{name: a, containers: [b], target: c}]",
                "policies: [{name: a, containers: [], target: c, schedule: {kind: EVERY, everySeconds: 60}}]",
                "policies: [{name: a, containers: [b], target: c, schedule: {kind: EVERY, everySeconds: 0}}]",
                "policies: [{name: a, containers: [b], target: c, schedule: {kind: EVERY, everySeconds: 60, cron: '@daily'}}]",
                "policies: [{name: a, containers: [b], target: c, schedule: {kind: CRON, cron: '0 2 * *'}}]",
                "policies: [{name: a, containers: [b], target: c, schedule: {kind: CRON, cron: '@daily'}, retention: {daily: -7}}]",
                "policies: [{name: a, containers: [b], target: c, schedule: {kind: CRON, cron: '@daily'}, retention: {days: 7}}]",
                "s3EnvironmentSecret: {name: aws}",
            })
    void isRefused(String values) {
        assertThatThrownBy(() -> Chart.own().render("minimal", values, folder))
                .as(values)
                .hasMessageContaining("values don't meet the specifications of the schema");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tls: {mode: 'off', behindProxy: true}",
                "tls: {mode: files, secretName: tls}",
                "state: {kind: claim, claim: {existingName: mine}}",
                "networkPolicy: {enabled: true}",
                "global: {anything: goes}",
            })
    void isTaken(String values) {
        assertThatCode(() -> Chart.own().render("minimal", values, folder))
                .as(values)
                .doesNotThrowAnyException();
    }

    /** Control: without its schema the chart takes nearly all of that. */
    @Test
    void itIsTheSchemaThatRefuses() throws IOException {
        Chart copy = Chart.own().copyTo(folder.resolve("tidemark"));
        Files.delete(copy.folder().resolve("values.schema.json"));
        assertThatCode(() -> copy.render("minimal", "replicas: -1", folder)).doesNotThrowAnyException();
        assertThatCode(() -> copy.render("minimal", "tls: {mode: 'off'}", folder))
                .doesNotThrowAnyException();
    }

    @Test
    void everyDefaultIsInTheSchemaAndEveryObjectIsClosed() throws IOException {
        Chart chart = Chart.own();
        Map<String, Object> schema = Chart.load(Files.readString(chart.folder().resolve("values.schema.json")));
        Map<String, Object> defaults =
                Chart.load(Files.readString(chart.folder().resolve("values.yaml")));
        assertThat(new Chart.Node(schema).at("properties").map().keySet())
                .containsAll(defaults.keySet())
                .hasSize(defaults.size() + 1);
        List<String> open = new ArrayList<>();
        closed(new Chart.Node(schema), "", open);
        assertThat(open).isEmpty();
    }

    /** An object with listed properties takes no others. */
    private static void closed(Chart.Node node, String path, List<String> open) {
        if (node.value() instanceof Map<?, ?> map) {
            boolean isCondition = path.endsWith("/if") || path.contains("/then");
            if (map.get("properties") instanceof Map
                    && "object".equals(map.get("type"))
                    && !Boolean.FALSE.equals(map.get("additionalProperties"))
                    && !isCondition) {
                open.add(path);
            }
            map.forEach((key, value) -> closed(new Chart.Node(value), path + "/" + key, open));
        } else if (node.value() instanceof List<?> list) {
            list.forEach(value -> closed(new Chart.Node(value), path + "/-", open));
        }
    }
}
