package org.tidemark.appliance.service.migration;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.PolicyEntry;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.appliance.service.PolicyRegistry;

/** Policies that come along with a container, where this appliance has their target. */
final class TravelledPolicy {
    private static final ObjectMapper JSON =
            new ObjectMapper().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

    private TravelledPolicy() {}

    @SuppressWarnings("unchecked")
    static Map<String, Object> words(PolicyEntry policy, String repositoryId) {
        Map<String, Object> words = new LinkedHashMap<>();
        words.put("name", policy.name());
        words.put("target", policy.target());
        words.put("repositoryId", repositoryId);
        words.put("schedule", JSON.convertValue(policy.schedule(), Map.class));
        words.put("retention", JSON.convertValue(policy.retention(), Map.class));
        words.put("enabled", policy.enabled());
        return words;
    }

    /** The target here that holds the same repository. */
    static Optional<TargetEntry> target(Map<String, Object> words, Targets targets) {
        return targets.all().stream()
                .filter(target -> target.repositoryId().equals(words.get("repositoryId")) && !target.isReplica())
                .findFirst();
    }

    /**
     * Puts the container under a policy of that name: the one that is here, if it goes to the same target, or a new one.
     *
     * @return what a person should know; empty when all is as it was there
     */
    static Optional<String> adopt(
            Map<String, Object> words, String container, Targets targets, Policies policies, PolicyRegistry registry)
            throws IOException {
        String name = String.valueOf(words.get("name"));
        Optional<TargetEntry> target = target(words, targets);
        if (target.isEmpty()) {
            return Optional.of("policy '" + name + "' did not come along: this appliance has no target with repository "
                    + words.get("repositoryId") + ". Add it, and a policy for the container");
        }
        Optional<PolicyEntry> known = policies.find(name);
        Instant now = Instant.now();
        if (known.isEmpty()) {
            registry.add(new PolicyEntry(
                    name,
                    target.get().name(),
                    List.of(container),
                    JSON.convertValue(words.get("schedule"), PolicyEntry.Schedule.class),
                    JSON.convertValue(words.get("retention"), PolicyEntry.Retention.class),
                    Boolean.TRUE.equals(words.get("enabled")),
                    now,
                    now));
            return Optional.empty();
        }
        PolicyEntry here = known.get();
        if (!here.target().equals(target.get().name())) {
            return Optional.of("policy '" + name + "' did not come along: the one of that name here goes to target '"
                    + here.target() + "'. Choose a policy for the container");
        }
        if (!here.containers().contains(container)) {
            List<String> all = new ArrayList<>(here.containers());
            all.add(container);
            registry.update(new PolicyEntry(
                    name,
                    here.target(),
                    all,
                    here.schedule(),
                    here.retention(),
                    here.enabled(),
                    here.createdAt(),
                    here.effectiveAt()));
        }
        return Optional.empty();
    }

    /** As the words have it, for a look at what will be missing. */
    static Optional<String> missing(Map<String, Object> words, Targets targets) throws ApplianceException {
        return target(words, targets).isPresent()
                ? Optional.empty()
                : Optional.of(
                        "policy '" + words.get("name") + "' will not come along: there is no target with repository "
                                + words.get("repositoryId") + " there");
    }
}
