package org.tidemark.backup.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.backup.testing.Repositories.reopen;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.tidemark.backup.repository.BackupRepository;
import org.tidemark.backup.repository.verify.DeepVerify;
import org.tidemark.backup.repository.verify.VerifyReport;
import org.tidemark.backup.target.BackupTarget;

/** The steps that tests of replication share. */
final class Replication {
    private Replication() {}

    /** Makes {@code place} a replica, if it is none yet, and sends what it lacks of each container. */
    static ReplicationResult run(BackupTarget sourceTarget, BackupTarget place, List<String> containers)
            throws IOException {
        return run(sourceTarget, place, containers, ReplicationProgress.SILENT);
    }

    static ReplicationResult run(
            BackupTarget sourceTarget, BackupTarget place, List<String> containers, ReplicationProgress progress)
            throws IOException {
        ReplicationResult last = null;
        try (BackupRepository source = reopen(sourceTarget, 1)) {
            source.beginReplica(place);
            try (BackupRepository replica = reopen(place, 2);
                    Replicator replicator =
                            new Replicator(source, replica, place, new PackRoom(1 << 20), () -> false, () -> false)) {
                for (String container : containers) {
                    last = replicator.run(container, progress);
                }
            }
        }
        if (last == null) {
            throw new IllegalArgumentException("no container");
        }
        return last;
    }

    /** Every record that is there can be read to its last chunk. */
    static void assertWhole(BackupTarget place) throws IOException {
        try (BackupRepository replica = reopen(place, 3)) {
            VerifyReport report = new DeepVerify(replica, () -> false).everything();
            assertThat(report.damages()).isEmpty();
        }
    }

    /** What both hold is the same to the byte, and everything but packs that nobody names is on both. */
    static void assertSame(Map<String, byte[]> source, Map<String, byte[]> replica) {
        replica.forEach((key, bytes) -> assertThat(bytes).as(key).isEqualTo(source.get(key)));
        source.keySet().stream().filter(key -> !key.startsWith("pack/")).forEach(key -> assertThat(replica)
                .containsKey(key));
    }
}
