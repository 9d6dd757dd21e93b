package org.tidemark.appliance.rest.v1;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import jakarta.validation.ConstraintViolation;
import jakarta.validation.Valid;
import jakarta.validation.Validator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.config.ApplianceConfig;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.Containers;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.appliance.service.ContainerRegistry;
import org.tidemark.appliance.service.Discovery;
import org.tidemark.appliance.service.PolicyRegistry;
import org.tidemark.appliance.service.TargetRegistry;

/**
 * Makes what a file says has to exist: targets, containers, policies, in the form in which they are posted. What exists by name is
 * left as it is. What cannot be made (a target that does not answer yet) is said in the log and tried again at the next start: a
 * store that is down must not keep the appliance down.
 */
@Singleton
public final class Provisioning {
    private static final Logger LOG = Logger.getLogger(Provisioning.class);

    /** What the parser adds to its sentence: where it was in which Java object. */
    private static final Pattern FIRST_SENTENCE = Pattern.compile("(?s)( \\(|\\n).*");

    private final ApplianceConfig config;
    private final ObjectMapper json;
    private final Validator validator;
    private final TargetRegistry targets;
    private final ContainerRegistry containers;
    private final PolicyRegistry policies;
    private final Discovery discovery;
    private final Targets knownTargets;
    private final Containers knownContainers;
    private final Policies knownPolicies;

    @Inject
    public Provisioning(
            ApplianceConfig config,
            ObjectMapper json,
            Validator validator,
            TargetRegistry targets,
            ContainerRegistry containers,
            PolicyRegistry policies,
            Discovery discovery,
            Targets knownTargets,
            Containers knownContainers,
            Policies knownPolicies) {
        this.config = config;
        this.json = json;
        this.validator = validator;
        this.targets = targets;
        this.containers = containers;
        this.policies = policies;
        this.discovery = discovery;
        this.knownTargets = knownTargets;
        this.knownContainers = knownContainers;
        this.knownPolicies = knownPolicies;
    }

    /** The file. */
    public record Wanted(
            @Nullable List<TargetsResource.@Valid TargetRequest> targets,
            @Nullable List<ContainersResource.@Valid ContainerRequest> containers,
            @Nullable List<PoliciesResource.@Valid PolicyRequest> policies) {}

    void start(@Observes @Priority(10) StartupEvent event) {
        Optional<Path> file = config.provision().filter(path -> !path.toString().isEmpty());
        if (file.isEmpty()) {
            return;
        }
        Wanted wanted = read(file.get());
        for (TargetsResource.TargetRequest one : list(wanted.targets())) {
            make(
                    "target",
                    one.name(),
                    knownTargets.find(one.name()).isPresent(),
                    () -> targets.add(TargetsResource.wanted(one)));
        }
        for (ContainersResource.ContainerRequest one : list(wanted.containers())) {
            make(
                    "container",
                    one.name(),
                    knownContainers.find(one.name()).isPresent(),
                    () -> containers.add(
                            one.name(),
                            ContainersResource.found(
                                    discovery,
                                    new ContainersResource.DiscoverRequest(one.images(), one.mount(), one.runc()))));
        }
        for (PoliciesResource.PolicyRequest one : list(wanted.policies())) {
            String name = Objects.requireNonNullElse(one.name(), "");
            make("policy", name, knownPolicies.find(name).isPresent(), () -> {
                Instant now = Instant.now();
                policies.add(PoliciesResource.entry(name, one, now, now));
            });
        }
    }

    private Wanted read(Path file) {
        Wanted wanted;
        try {
            wanted = json.readValue(Files.readString(file), Wanted.class);
        } catch (JsonProcessingException e) {
            throw refused("provisioning file " + file + " is not what is expected in line "
                    + (e.getLocation() == null ? 1 : e.getLocation().getLineNr()) + ": "
                    + FIRST_SENTENCE.matcher(e.getOriginalMessage()).replaceFirst(""));
        } catch (IOException e) {
            throw refused("provisioning file " + file + " cannot be read: " + FailureKind.words(e));
        }
        Set<ConstraintViolation<Wanted>> violations = validator.validate(wanted);
        if (!violations.isEmpty()) {
            ConstraintViolation<Wanted> first = violations.iterator().next();
            throw refused("provisioning file " + file + ": '" + first.getPropertyPath() + "' " + first.getMessage());
        }
        return wanted;
    }

    private static UncheckedIOException refused(String sentence) {
        return new UncheckedIOException(ApplianceException.usage(sentence));
    }

    /** Something that may fail. */
    private interface Step {
        void run() throws IOException;
    }

    private static void make(String word, String name, boolean exists, Step step) {
        if (exists) {
            return;
        }
        try {
            step.run();
            LOG.infof("made %s '%s'", word, name);
        } catch (IOException | RuntimeException e) {
            LOG.errorf(
                    "%s '%s' could not be made: %s. It is tried again at the next start",
                    word, name, FailureKind.words(e));
        }
    }

    private static <T> List<T> list(@Nullable List<T> given) {
        return given == null ? List.of() : given;
    }
}
