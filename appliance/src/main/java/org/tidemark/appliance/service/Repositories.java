package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.persistence.Catalogue;
import org.tidemark.appliance.persistence.TargetEntry;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.RepositoryOptions;
import org.tidemark.backup.target.local.LocalTarget;

/** Opens the repositories of targets. */
public final class Repositories {
    private final Catalogue catalogue;

    public Repositories(Catalogue catalogue) {
        this.catalogue = catalogue;
    }

    /** Makes a folder a target, with a new repository or the one that is there already, and remembers it. */
    public TargetEntry add(String name, Path folder) throws IOException {
        Path absolute = folder.toAbsolutePath().normalize();
        LocalTarget target = LocalTarget.create(absolute, new SecureRandom());
        String id;
        try (BackupRepository created = create(target)) {
            id = created.id();
        }
        TargetEntry entry = new TargetEntry(name, absolute, id);
        catalogue.add(entry);
        return entry;
    }

    private static BackupRepository create(LocalTarget target) throws IOException {
        try {
            return BackupRepository.create(target, RepositoryOptions.defaults());
        } catch (RepositoryException e) {
            if (e.kind() == RepositoryException.Kind.EXISTS) {
                return BackupRepository.open(target, Optional.empty(), RepositoryOptions.defaults());
            }
            throw e;
        }
    }

    /** The named target, or the only one there is. */
    public TargetEntry choose(@Nullable String name) throws IOException {
        if (name != null) {
            return catalogue.target(name);
        }
        List<TargetEntry> all = catalogue.targets();
        if (all.size() == 1) {
            return all.get(0);
        }
        throw new IllegalArgumentException(
                all.isEmpty()
                        ? "there is no target; add one with 'tidemark target add'"
                        : "there are " + all.size() + " targets; say which with --target");
    }

    /** Opens the repository of a target; refuses any other that lies there. */
    public BackupRepository open(TargetEntry entry) throws IOException {
        return BackupRepository.open(
                LocalTarget.open(entry.path(), new SecureRandom()),
                Optional.of(entry.repositoryId()),
                RepositoryOptions.defaults());
    }
}
