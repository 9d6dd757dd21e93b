package org.tidemark.helm;

import static org.assertj.core.api.Assertions.assertThat;

import com.marcnuri.helm.LintResult;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ChartLintTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"minimal", "s3", "full"})
    void strictLintFindsNothing(String values) throws IOException {
        LintResult result =
                Chart.own().withDefaults(values, folder.resolve("tidemark")).lint();
        assertThat(result.isFailed()).as("%s", result.getMessages()).isFalse();
        assertThat(result.getMessages()).noneMatch(line -> line.contains("[WARNING]") || line.contains("[ERROR]"));
    }

    @Test
    void withoutANodeItSaysWhatIsMissing() throws IOException {
        LintResult result = Chart.own().copyTo(folder.resolve("tidemark")).lint();
        assertThat(result.isFailed()).isTrue();
        assertThat(result.getMessages()).anyMatch(line -> line.contains("nodeName"));
    }

    @Test
    void aBrokenCopyFails() throws IOException {
        Chart template = Chart.own().withDefaults("full", folder.resolve("a"));
        template.replace("templates/service.yaml", "{{ .Values.service.type }}", "{{ .Values.service.type ");
        assertThat(template.lint().isFailed()).isTrue();

        Chart yaml = Chart.own().withDefaults("full", folder.resolve("b"));
        yaml.replace("templates/service.yaml", "  ports:\n", "  ports: [\n");
        assertThat(yaml.lint().isFailed()).isTrue();

        Chart metadata = Chart.own().withDefaults("full", folder.resolve("c"));
        metadata.replace("Chart.yaml", "version: 0.1.0", "version: one");
        assertThat(metadata.lint().isFailed()).isTrue();
    }
}
