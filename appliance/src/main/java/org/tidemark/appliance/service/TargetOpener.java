package org.tidemark.appliance.service;

import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.failure.FailureKind;
import org.tidemark.appliance.persistence.ApplianceIdentity;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.appliance.security.SecretBox;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.RepositoryOptions;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.ProbeReport;
import org.tidemark.backup.target.ProbeStep;
import org.tidemark.backup.target.RequestCounter;
import org.tidemark.backup.target.RetryPolicy;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetProbe;
import org.tidemark.backup.target.Targets;
import org.tidemark.backup.target.local.LocalTarget;
import org.tidemark.backup.target.local.NewFolder;
import org.tidemark.backup.target.nfs.NewNfsFolder;
import org.tidemark.backup.target.nfs.NfsTarget;
import org.tidemark.backup.target.s3.S3Credentials;
import org.tidemark.backup.target.s3.S3Settings;
import org.tidemark.backup.target.s3.S3Target;
import org.tidemark.ploop.os.JavaCommand;
import org.tidemark.ploop.os.nfs.NfsLocation;

/** Makes targets of what the catalogue says of them. */
@Singleton
public final class TargetOpener {
    /** How long a person waits for a server. */
    private static final Duration SOON = Duration.ofSeconds(8);

    private final SecureRandom random = new SecureRandom();
    private final SecretBox secrets;
    private final ApplianceIdentity identity;

    @Inject
    public TargetOpener(SecretBox secrets, ApplianceIdentity identity) {
        this.secrets = secrets;
        this.identity = identity;
    }

    /** Opens a place that is a target already; bare, without retries. */
    public BackupTarget open(TargetEntry entry) throws IOException {
        return switch (entry.kind()) {
            case LOCAL -> LocalTarget.open(localPath(entry), random);
            case NFS -> NfsTarget.open(nfs(entry), JavaCommand.ofThisJava(), NfsTarget.PATIENCE);
            case S3 -> s3(entry);
        };
    }

    /** Opens a place to become a target, which is made ready for it. */
    public BackupTarget create(TargetEntry entry) throws IOException {
        return switch (entry.kind()) {
            case LOCAL -> LocalTarget.create(localPath(entry), random);
            case NFS -> NfsTarget.create(nfs(entry), JavaCommand.ofThisJava(), SOON);
            case S3 -> s3(entry);
        };
    }

    /** An open target with retries, and with its requests counted. */
    public BackupTarget decorated(
            BackupTarget bare, RetryPolicy policy, RequestCounter counter, BooleanSupplier cancelled) {
        return Targets.decorate(bare, policy, counter, random, cancelled);
    }

    private static NfsLocation nfs(TargetEntry entry) throws IOException {
        try {
            return NfsLocation.parse(entry.setting("address"));
        } catch (IllegalArgumentException e) {
            throw new ApplianceException(FailureKind.USAGE, "NFS target: " + e.getMessage(), e);
        }
    }

    private static Path localPath(TargetEntry entry) throws IOException {
        Path path = Path.of(entry.setting("path"));
        if (!path.isAbsolute()) {
            throw ApplianceException.usage("the folder of a target must be an absolute path, not '" + path + "'");
        }
        return path.normalize();
    }

    private BackupTarget s3(TargetEntry entry) throws IOException {
        try {
            Optional<URI> endpoint = entry.setting("endpoint").isEmpty()
                    ? Optional.empty()
                    : Optional.of(URI.create(entry.setting("endpoint")));
            S3Credentials credentials = credentials(entry);
            String prefix = entry.setting("prefix");
            String folder = prefix.isEmpty() || prefix.endsWith("/") ? prefix : prefix + "/";
            String region = entry.setting("region").isEmpty() ? S3Settings.DEFAULT_REGION : entry.setting("region");
            S3Settings usual = endpoint.isPresent()
                    ? S3Settings.of(endpoint.get(), entry.setting("bucket"), folder, credentials)
                    : S3Settings.aws(region, entry.setting("bucket"), folder, credentials);
            S3Settings settings = new S3Settings(
                    endpoint,
                    region,
                    usual.bucket(),
                    usual.prefix(),
                    entry.setting("pathStyle").isEmpty()
                            ? usual.pathStyle()
                            : entry.setting("pathStyle").equals("true"),
                    entry.setting("checksumMode").isEmpty()
                            ? usual.checksumMode()
                            : S3Settings.ChecksumMode.valueOf(entry.setting("checksumMode")),
                    entry.setting("caCertificate").isEmpty()
                            ? Optional.empty()
                            : Optional.of(entry.setting("caCertificate")),
                    credentials,
                    usual.connectTimeout(),
                    usual.idleTimeout(),
                    usual.maxConnections(),
                    usual.transfer());
            return S3Target.open(settings, identity.id(), Clock.systemUTC());
        } catch (IllegalArgumentException e) {
            throw new ApplianceException(FailureKind.USAGE, "S3 target: " + e.getMessage(), e);
        }
    }

    private S3Credentials credentials(TargetEntry entry) throws IOException {
        return switch (entry.setting("source")) {
            case "CATALOGUE" -> {
                Map<String, String> sealed = TargetRegistry.opened(secrets, entry);
                yield new S3Credentials.Given(
                        entry.setting("accessKey"),
                        sealed.getOrDefault("secretKey", ""),
                        Optional.ofNullable(sealed.get("sessionToken")));
            }
            case "FILE" ->
                new S3Credentials.FromFile(
                        Path.of(entry.setting("file")),
                        entry.setting("profile").isEmpty() ? "default" : entry.setting("profile"));
            default -> new S3Credentials.Environment();
        };
    }

    /**
     * Finds out what an open target can do, and makes it work accordingly; to be done once for each opening. Throws when it cannot
     * take backups.
     */
    public static ProbeReport probe(BackupTarget bare) throws IOException {
        bare.validate();
        ProbeReport report = TargetProbe.of(bare, System::nanoTime);
        if (!report.usable()) {
            throw failure(report);
        }
        return report;
    }

    private static IOException failure(ProbeReport report) {
        return new ApplianceException(
                FailureKind.NOT_PERMITTED,
                report.failure().map(ProbeStep::detail).orElse("the target cannot take backups"));
    }

    /** Looks at a place step by step. */
    public TargetTest.Result test(TargetEntry entry) {
        long begun = System.nanoTime();
        try (BackupTarget target = entry.kind() == TargetEntry.Kind.NFS
                ? NfsTarget.open(nfs(entry), JavaCommand.ofThisJava(), SOON)
                : open(entry)) {
            return test(target, begun);
        } catch (IOException e) {
            long millis = (System.nanoTime() - begun) / 1_000_000;
            return new TargetTest.Result(
                    millis, List.of(new TargetTest.Step("open", false, millis, FailureKind.words(e))), false, null, e);
        }
    }

    /** Looks at a place that may not be a target yet; leaves it as it is. */
    public TargetTest.Result testNew(TargetEntry entry) throws IOException {
        if (entry.kind() == TargetEntry.Kind.NFS) {
            return testNewNfs(entry);
        }
        if (entry.kind() != TargetEntry.Kind.LOCAL || NewFolder.isTarget(localPath(entry))) {
            return test(entry);
        }
        long begun = System.nanoTime();
        NewFolder.Result result = NewFolder.probe(localPath(entry), System::nanoTime);
        return new TargetTest.Result(
                (System.nanoTime() - begun) / 1_000_000, steps(result.steps()), false, null, result.failure());
    }

    private TargetTest.Result testNewNfs(TargetEntry entry) throws IOException {
        long begun = System.nanoTime();
        NewNfsFolder.Result result = NfsTarget.probeNew(nfs(entry), JavaCommand.ofThisJava(), SOON);
        return result.isTarget()
                ? test(entry)
                : new TargetTest.Result(
                        (System.nanoTime() - begun) / 1_000_000, steps(result.steps()), false, null, result.failure());
    }

    private static List<TargetTest.Step> steps(List<ProbeStep> steps) {
        return steps.stream()
                .map(step -> new TargetTest.Step(step.name(), step.ok(), step.millis(), step.detail()))
                .toList();
    }

    private static TargetTest.Result test(BackupTarget target, long begun) {
        ProbeReport report = TargetProbe.of(target, System::nanoTime);
        IOException failure = null;
        if (!report.usable()) {
            failure = failure(report);
            try {
                target.validate();
            } catch (TargetException e) {
                // It has the kind, which a step does not.
                failure = e;
            }
        }
        return new TargetTest.Result(
                (System.nanoTime() - begun) / 1_000_000,
                steps(report.steps()),
                report.usable() && !report.capabilities().shared(),
                report.notice().orElse(null),
                failure);
    }

    /** The id of the repository on a target: of the one that is there, or of a new one. */
    public static String repositoryOn(BackupTarget target) throws IOException {
        try (BackupRepository created = BackupRepository.create(target, RepositoryOptions.defaults())) {
            return created.id();
        } catch (RepositoryException e) {
            if (e.kind() != RepositoryException.Kind.EXISTS) {
                throw e;
            }
        }
        try (BackupRepository known = BackupRepository.open(target, Optional.empty(), RepositoryOptions.defaults())) {
            return known.id();
        }
    }
}
