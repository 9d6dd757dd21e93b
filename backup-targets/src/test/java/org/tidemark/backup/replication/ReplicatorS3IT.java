package org.tidemark.backup.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.PacedTarget;
import org.tidemark.backup.target.Pauses;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.s3.S3Settings;
import org.tidemark.backup.target.s3.S3Target;
import org.tidemark.backup.testing.FaultProxy;
import org.tidemark.backup.testing.FaultProxy.Fault;
import org.tidemark.backup.testing.RadosGateway;
import org.tidemark.ploop.testing.Requires;

/** Onto radosgw. */
@Requires({RadosGateway.ROOT, RadosGateway.MONITOR, RadosGateway.OSD, RadosGateway.GATEWAY, "curl"})
class ReplicatorS3IT extends AbstractReplicatorSuite {
    @Override
    protected BackupTarget newTarget() throws Exception {
        return RadosGateway.shared().newTarget();
    }

    @Test
    void aLinkThatIsCutInTheMiddleCostsThePackThatWasUnderWay() throws Exception {
        point(0);
        point(1);
        long packs = source.snapshot().keySet().stream()
                .filter(key -> key.startsWith("pack/"))
                .count();
        RadosGateway gateway = RadosGateway.shared();
        try (FaultProxy proxy = FaultProxy.before(gateway.endpoint());
                S3Target place = S3Target.open(
                        S3Settings.of(proxy.endpoint(), gateway.newBucket(), "", gateway.credentials())
                                .withTimeouts(Duration.ofSeconds(5), Duration.ofSeconds(3)),
                        "it",
                        Clock.systemUTC())) {
            AtomicInteger puts = new AtomicInteger();
            Map<String, Integer> sent = new TreeMap<>();
            proxy.faults(request -> {
                if (!request.isPutOf("/pack/")) {
                    return Fault.NONE;
                }
                sent.merge(request.path(), 1, Integer::sum);
                return puts.incrementAndGet() == 4 ? Fault.cutRequest(100 << 10) : Fault.NONE;
            });
            assertThatExceptionOfType(TargetException.class)
                    .isThrownBy(() -> Replication.run(source, place, List.of("web")));
            Replication.assertWhole(place);
            Replication.run(source, place, List.of("web"));
            Replication.assertWhole(place);
            assertThat(sent).hasSize((int) packs);
            assertThat(sent.values().stream().mapToInt(Integer::intValue).sum()).isEqualTo((int) packs + 1);
        }
    }

    /** Real time, and a bound from below only: a slow machine must not fail this. */
    @Test
    void aPutTakesTheTimeThatTheLinkAllows() throws Exception {
        BackupTarget place = newTarget();
        LinkShare link = new LinkShare(() -> 1 << 20, Pauses.REAL);
        ByteBuffer content = ByteBuffer.allocateDirect(3 << 20);
        long start = System.nanoTime();
        PacedTarget.of(place, link).putIfAbsent("pack/slow", List.of(content));
        assertThat(System.nanoTime() - start)
                .isGreaterThan(Duration.ofMillis(2_800).toNanos());
        assertThat(place.stat("pack/slow")).isEqualTo(3 << 20);
    }
}
