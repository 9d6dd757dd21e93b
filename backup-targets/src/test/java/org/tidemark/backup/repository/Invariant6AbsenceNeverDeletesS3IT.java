package org.tidemark.backup.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.tidemark.backup.testing.Repositories.assertRestores;
import static org.tidemark.backup.testing.Repositories.backup;
import static org.tidemark.backup.testing.Repositories.options;

import java.time.Clock;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.backup.repository.log.RecoveryPoint;
import org.tidemark.backup.repository.verify.DeepVerify;
import org.tidemark.backup.target.s3.S3Target;
import org.tidemark.backup.testing.ModelDisk;
import org.tidemark.backup.testing.RadosGateway;
import org.tidemark.ploop.testing.Requires;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;

/** Invariant 6 on radosgw: an object that is missing leads to no deletion of another. See also S3RepositoryFaultIT. */
@Timeout(60)
@Requires({RadosGateway.ROOT, RadosGateway.MONITOR, RadosGateway.OSD, RadosGateway.GATEWAY, "curl"})
class Invariant6AbsenceNeverDeletesS3IT {
    private static TreeMap<String, String> objects(S3Client admin, String bucket) {
        TreeMap<String, String> objects = new TreeMap<>();
        admin.listObjectsV2Paginator(request -> request.bucket(bucket))
                .contents()
                .forEach(object -> objects.put(object.key(), object.eTag()));
        return objects;
    }

    @Test
    void aMissingObjectDeletesNothingElse() throws Exception {
        RadosGateway gateway = RadosGateway.shared();
        S3Client admin = gateway.admin();
        String bucket = gateway.newBucket();
        try (S3Target target = S3Target.open(gateway.settings(bucket), "it", Clock.systemUTC())) {
            BackupRepository repository = BackupRepository.create(target, options(1));
            ModelDisk disk = new ModelDisk("root", 1 << 20);
            disk.writeRandomly(new Random(2), 20);
            RecoveryPoint point = backup(repository, "web", Optional.empty(), 0, disk.freezeFull("first"));
            for (String gone : objects(admin, bucket).keySet()) {
                byte[] content = admin.getObjectAsBytes(
                                request -> request.bucket(bucket).key(gone))
                        .asByteArray();
                admin.deleteObject(request -> request.bucket(bucket).key(gone));
                TreeMap<String, String> before = objects(admin, bucket);
                try (BackupRepository reader = repository.through(target)) {
                    new DeepVerify(reader, () -> false).everything();
                    reader.points("web");
                } catch (RepositoryException e) {
                    assertThat(gone).as(e.getMessage()).isIn("format.json", "ct/web/log/00000000000000000001");
                }
                target.probe();
                assertThat(objects(admin, bucket)).isEqualTo(before);
                admin.putObject(request -> request.bucket(bucket).key(gone), RequestBody.fromBytes(content));
            }
            assertRestores(repository, point, "root", disk.content);
        }
    }
}
