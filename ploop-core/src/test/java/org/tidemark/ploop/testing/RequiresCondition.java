package org.tidemark.ploop.testing;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.platform.commons.support.AnnotationSupport;

/** Decides {@link Requires}. */
final class RequiresCondition implements ExecutionCondition {
    private static final Set<String> REQUIRED = Arrays.stream(
                    System.getProperty("require", "").split(","))
            .map(String::trim)
            .filter(word -> !word.isEmpty())
            .collect(Collectors.toSet());

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        List<String> missing = new ArrayList<>();
        context.getElement()
                .flatMap(element -> AnnotationSupport.findAnnotation(element, Requires.class))
                .ifPresent(requires -> Arrays.stream(requires.value())
                        .filter(word -> !present(word))
                        .forEach(missing::add));
        if (missing.isEmpty()) {
            return ConditionEvaluationResult.enabled("everything it requires is here");
        }
        for (String word : missing) {
            if (REQUIRED.contains(word) || REQUIRED.contains("all")) {
                throw new IllegalStateException("-Drequire names '" + word + "', but this machine does not have it");
            }
        }
        System.out.println("SKIPPED " + context.getDisplayName() + ": missing " + missing);
        return ConditionEvaluationResult.disabled("missing: " + missing);
    }

    static boolean present(String word) {
        switch (word) {
            case "root":
                return "root".equals(System.getProperty("user.name"));
            case "fuse":
                return Files.isReadable(Path.of("/dev/fuse"));
            case "loop":
                return Files.isReadable(Path.of("/dev/loop-control"));
            default:
                String path = System.getenv().getOrDefault("PATH", "") + ":/usr/sbin:/sbin";
                return Arrays.stream(path.split(File.pathSeparator))
                        .anyMatch(folder -> Files.isExecutable(Path.of(folder, word)));
        }
    }
}
