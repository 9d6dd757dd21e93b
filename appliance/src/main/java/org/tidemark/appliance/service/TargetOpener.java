package org.tidemark.appliance.service;

import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Optional;
import org.tidemark.appliance.failure.ApplianceException;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.RepositoryOptions;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.local.LocalTarget;

/** Makes targets of what the catalogue says of them. */
@Singleton
public final class TargetOpener {
    /** Opens a target that is one already. */
    public BackupTarget open(TargetEntry entry) throws IOException {
        return switch (entry.kind()) {
            case LOCAL -> LocalTarget.open(Path.of(entry.setting("path")), new SecureRandom());
            case S3 -> throw ApplianceException.usage("S3 targets are not built in");
        };
    }

    /** Opens a place to become a target, which is made ready for it. */
    public BackupTarget create(TargetEntry entry) throws IOException {
        return switch (entry.kind()) {
            case LOCAL -> LocalTarget.create(localPath(entry), new SecureRandom());
            case S3 -> open(entry);
        };
    }

    private static Path localPath(TargetEntry entry) throws IOException {
        Path path = Path.of(entry.setting("path"));
        if (!path.isAbsolute()) {
            throw ApplianceException.usage("the folder of a target must be an absolute path, not '" + path + "'");
        }
        return path.normalize();
    }

    /** Looks at a place step by step. */
    public TargetTest.Result test(TargetEntry entry) {
        long begun = System.nanoTime();
        IOException failure = null;
        try (BackupTarget target = open(entry)) {
            target.validate();
        } catch (IOException e) {
            failure = e;
        }
        long millis = (System.nanoTime() - begun) / 1_000_000;
        String detail = failure == null ? "" : org.tidemark.appliance.failure.FailureKind.words(failure);
        return new TargetTest.Result(
                millis,
                java.util.List.of(new TargetTest.Step("open", failure == null, millis, detail)),
                false,
                null,
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
