package org.tidemark.appliance.service;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.Jobs;
import org.tidemark.appliance.persistence.Names;
import org.tidemark.appliance.persistence.PointCache;
import org.tidemark.appliance.persistence.Policies;
import org.tidemark.appliance.persistence.PolicyEntry;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.persistence.Targets;
import org.tidemark.appliance.security.SecretBox;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.ploop.server.ControlClient.AttachedDevice;

/** Adds, tests, changes and removes targets. */
@Singleton
public final class TargetRegistry {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Targets targets;
    private final Policies policies;
    private final Jobs jobs;
    private final TargetOpener opener;
    private final Repositories repositories;
    private final SecretBox secrets;
    private final Discovery discovery;
    private final PointCache cache;

    @Inject
    public TargetRegistry(
            Targets targets,
            Policies policies,
            Jobs jobs,
            TargetOpener opener,
            Repositories repositories,
            SecretBox secrets,
            Discovery discovery,
            PointCache cache) {
        this.discovery = discovery;
        this.cache = cache;
        this.targets = targets;
        this.policies = policies;
        this.jobs = jobs;
        this.opener = opener;
        this.repositories = repositories;
        this.secrets = secrets;
    }

    /** What is kept sealed. */
    public record Secrets(
            @Nullable String secretKey, @Nullable String sessionToken) {
        public static final Secrets NONE = new Secrets(null, null);

        @Override
        public String toString() {
            return "Secrets";
        }
    }

    /** A target that somebody wants. */
    public record Wanted(
            String name, TargetEntry.Kind kind, Map<String, Object> settings, Secrets secrets, int maxJobs) {}

    private TargetEntry entry(Wanted wanted, String repositoryId, TargetTest.@Nullable Result test) throws IOException {
        Names.check(wanted.name());
        return new TargetEntry(
                wanted.name(),
                wanted.kind(),
                wanted.settings(),
                sealed(wanted.secrets()),
                repositoryId,
                wanted.maxJobs(),
                test != null && test.singleWriter(),
                test == null ? null : test.notice(),
                Instant.now());
    }

    private @Nullable String sealed(Secrets plain) throws IOException {
        if (plain.secretKey() == null) {
            return null;
        }
        Map<String, String> map = new LinkedHashMap<>();
        map.put("secretKey", plain.secretKey());
        if (plain.sessionToken() != null) {
            map.put("sessionToken", plain.sessionToken());
        }
        return secrets.seal(JSON.writeValueAsString(map));
    }

    /** The secrets of an entry. */
    static Map<String, String> opened(SecretBox box, TargetEntry entry) throws IOException {
        if (entry.sealedSecrets() == null) {
            return Map.of();
        }
        return JSON.readValue(box.open(entry.sealedSecrets()), new TypeReference<Map<String, String>>() {});
    }

    /** What is kept on a device that is backed up would be lost with it, and make it change with every backup. */
    private void requireElsewhere(Wanted wanted) throws IOException {
        if (wanted.kind() != TargetEntry.Kind.LOCAL) {
            return;
        }
        String path = String.valueOf(wanted.settings().get("path"));
        Optional<AttachedDevice> device = discovery.deviceUnder(Path.of(path));
        if (device.isPresent()) {
            throw ApplianceException.usage(
                    path + " lies on device '" + device.get().deviceId() + "', whose image "
                            + device.get().image() + " is served here; a target must lie elsewhere");
        }
    }

    /** Tests what is wanted; nothing is remembered. */
    public TargetTest.Result test(Wanted wanted) throws IOException {
        requireElsewhere(wanted);
        return opener.testNew(entry(wanted, "", null));
    }

    /** Tests a target that is known. */
    public TargetTest.Result test(TargetEntry entry) {
        TargetTest.Result result = opener.test(entry);
        repositories.seen(entry.name(), result.failure());
        return result;
    }

    /** Tests, makes or opens the repository, remembers. */
    public TargetEntry add(Wanted wanted) throws IOException {
        if (targets.find(wanted.name()).isPresent()) {
            throw ApplianceException.conflict(
                    "target '" + wanted.name() + "' exists already; remove it first or take another name");
        }
        requireElsewhere(wanted);
        TargetEntry fresh = entry(wanted, "", null);
        String repositoryId;
        TargetTest.Result test;
        try (BackupTarget target = opener.create(fresh)) {
            test = opener.test(fresh);
            if (test.failure() != null) {
                throw test.failure();
            }
            repositoryId = TargetOpener.repositoryOn(target);
        }
        for (TargetEntry other : targets.all()) {
            if (other.repositoryId().equals(repositoryId)) {
                throw ApplianceException.conflict("that place is target '" + other.name()
                        + "' already, or holds the same repository; a replica of it is added with 'tidemark replicate"
                        + " add'");
            }
        }
        return remembered(wanted, repositoryId, test);
    }

    private TargetEntry remembered(Wanted wanted, String repositoryId, TargetTest.Result test) throws IOException {
        TargetEntry entry = entry(wanted, repositoryId, test);
        targets.add(entry);
        cache.adopt(entry);
        repositories.seen(entry.name(), null);
        return entry;
    }

    /** What makes an open place one that holds the repository of {@code source}. */
    @FunctionalInterface
    public interface Preparation {
        void prepare(BackupTarget place) throws IOException;
    }

    /** Tests a place that is to become a replica of a target, has it prepared, and remembers it as a target. */
    public TargetEntry addCopy(Wanted wanted, TargetEntry source, Preparation preparation) throws IOException {
        if (targets.find(wanted.name()).isPresent()) {
            throw ApplianceException.conflict("target '" + wanted.name()
                    + "' exists already; leave the place out to make that one a replica, or take another name");
        }
        requireElsewhere(wanted);
        TargetEntry fresh = entry(wanted, "", null);
        TargetTest.Result test;
        try (BackupTarget place = opener.create(fresh)) {
            test = opener.test(fresh);
            if (test.failure() != null) {
                throw test.failure();
            }
            TargetOpener.probe(place);
            preparation.prepare(place);
        }
        return remembered(wanted, source.repositoryId(), test);
    }

    /** Changes what may change; the new credentials must work. */
    public TargetEntry update(
            String name,
            @Nullable Integer maxJobs,
            @Nullable Map<String, Object> credentialSettings,
            @Nullable Secrets newSecrets)
            throws IOException {
        TargetEntry before = targets.get(name);
        Map<String, Object> settings = new LinkedHashMap<>(before.settings());
        String sealed = before.sealedSecrets();
        if (credentialSettings != null && newSecrets != null) {
            for (String member : List.of("source", "accessKey", "file", "profile")) {
                settings.remove(member);
                if (credentialSettings.containsKey(member)) {
                    settings.put(member, credentialSettings.get(member));
                }
            }
            sealed = sealed(newSecrets);
        }
        TargetEntry entry = new TargetEntry(
                name,
                before.kind(),
                settings,
                sealed,
                before.repositoryId(),
                maxJobs == null ? before.maxJobs() : maxJobs,
                before.singleWriter(),
                before.notice(),
                before.createdAt(),
                before.replicaOf());
        if (credentialSettings != null) {
            TargetTest.Result test = opener.test(entry);
            if (test.failure() != null) {
                throw test.failure();
            }
        }
        targets.update(entry);
        repositories.forget(name);
        return entry;
    }

    /** Forgets a target that nothing uses. */
    public void remove(String name) throws IOException {
        if (targets.get(name).isReplica()) {
            throw ApplianceException.conflict(
                    "target '" + name + "' is a replica; end that with 'tidemark replicate remove " + name + "'");
        }
        List<String> replicas = targets.all().stream()
                .filter(entry -> name.equals(entry.replicaOf()))
                .map(TargetEntry::name)
                .toList();
        if (!replicas.isEmpty()) {
            throw ApplianceException.conflict("target '" + name + "' has the replicas " + replicas
                    + "; remove or promote them first with 'tidemark replicate'");
        }
        List<String> users = policies.all().stream()
                .filter(policy -> policy.target().equals(name))
                .map(PolicyEntry::name)
                .toList();
        if (!users.isEmpty()) {
            throw ApplianceException.conflict(
                    "target '" + name + "' is used by the policies " + users + "; change or remove them first");
        }
        if (jobs.open().stream().anyMatch(job -> name.equals(job.target()))) {
            throw ApplianceException.conflict("a job uses target '" + name + "'; wait for its end or cancel it");
        }
        targets.remove(name);
        repositories.forget(name);
    }
}
