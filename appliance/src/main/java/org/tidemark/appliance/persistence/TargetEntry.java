package org.tidemark.appliance.persistence;

import java.time.Instant;
import java.util.Map;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * Where backups go.
 *
 * @param settings what the kind needs, without secrets
 * @param sealedSecrets encrypted; null when there are none
 * @param repositoryId the repository that must be there; anything else is refused
 * @param maxJobs how many jobs may use it at a time
 * @param singleWriter whether only this appliance may write there
 * @param notice what the user should know of it
 * @param replicaOf the target whose replica this is: nothing but replication writes here; null for any other
 */
public record TargetEntry(
        String name,
        Kind kind,
        Map<String, Object> settings,
        @Nullable String sealedSecrets,
        String repositoryId,
        int maxJobs,
        boolean singleWriter,
        @Nullable String notice,
        Instant createdAt,
        @Nullable String replicaOf) {
    /** No replica. */
    public TargetEntry(
            String name,
            Kind kind,
            Map<String, Object> settings,
            @Nullable String sealedSecrets,
            String repositoryId,
            int maxJobs,
            boolean singleWriter,
            @Nullable String notice,
            Instant createdAt) {
        this(name, kind, settings, sealedSecrets, repositoryId, maxJobs, singleWriter, notice, createdAt, null);
    }

    /** What kind of place. */
    @Schema(name = "TargetKind")
    public enum Kind {
        LOCAL,
        NFS,
        S3
    }

    /** Whether nothing but replication writes here. */
    public boolean isReplica() {
        return replicaOf != null;
    }

    /** One setting as text; empty when it is not there. */
    public String setting(String name) {
        Object value = settings.get(name);
        return value == null ? "" : value.toString();
    }
}
