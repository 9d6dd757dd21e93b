package org.tidemark.backup.target;

import java.util.List;
import java.util.Optional;

/**
 * What a probe found.
 *
 * @param steps in the order they were tried; the steps after one that makes the target unusable are missing
 * @param usable whether backups can be written there
 * @param capabilities what the target promises; when it is not usable, what it promised before
 * @param notice what a person should know although the target is usable
 */
public record ProbeReport(
        List<ProbeStep> steps, boolean usable, TargetCapabilities capabilities, Optional<String> notice) {
    /** The first step that failed. */
    public Optional<ProbeStep> failure() {
        return steps.stream().filter(step -> !step.ok()).findFirst();
    }
}
