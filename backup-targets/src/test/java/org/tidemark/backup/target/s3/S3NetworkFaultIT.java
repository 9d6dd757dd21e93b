package org.tidemark.backup.target.s3;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.backup.target.BackupTarget;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.RequestCounter;
import org.tidemark.backup.target.RetryPolicy;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.target.Targets;
import org.tidemark.backup.testing.FaultProxy;
import org.tidemark.backup.testing.FaultProxy.Fault;
import org.tidemark.backup.testing.RadosGateway;
import org.tidemark.ploop.testing.Requires;

/** A bad network and a busy server before radosgw. What a bare target does not bear, the retrying one does. */
@Timeout(60)
@Requires({RadosGateway.ROOT, RadosGateway.MONITOR, RadosGateway.OSD, RadosGateway.GATEWAY, "curl"})
class S3NetworkFaultIT {
    private static final RetryPolicy QUICK =
            new RetryPolicy(5, Duration.ofMillis(20), Duration.ofMillis(200), Duration.ofSeconds(20));

    private final RequestCounter counter = new RequestCounter();
    private FaultProxy proxy;
    private S3Target bare;
    private BackupTarget retrying;

    @BeforeEach
    void start() throws Exception {
        RadosGateway gateway = RadosGateway.shared();
        proxy = FaultProxy.before(gateway.endpoint());
        S3Settings settings = S3Settings.of(proxy.endpoint(), gateway.newBucket(), "", gateway.credentials())
                .withTimeouts(Duration.ofSeconds(5), Duration.ofSeconds(3))
                .withTransfer(new S3Settings.Transfer(6 << 20, 5 << 20, 2, 4 << 20));
        bare = S3Target.open(settings, "it", Clock.systemUTC());
        retrying = Targets.decorate(bare, QUICK, counter, new Random(1), () -> false);
    }

    @AfterEach
    void close() throws Exception {
        bare.close();
        proxy.close();
    }

    private static void fails(Kind kind, String words, ThrowingCallable call) {
        assertThatExceptionOfType(TargetException.class)
                .isThrownBy(call)
                .withMessageContaining(words)
                .satisfies(e -> assertThat(e.kind()).as(e.getMessage()).isEqualTo(kind));
    }

    private static ByteBuffer noise(int bytes) {
        byte[] noise = new byte[bytes];
        new Random(bytes).nextBytes(noise);
        return ByteBuffer.allocateDirect(bytes).put(noise).flip();
    }

    private void holds(String key, ByteBuffer content) throws Exception {
        ByteBuffer found = ByteBuffer.allocate(content.remaining());
        assertThat(retrying.get(key, ByteRange.head(content.remaining()), found))
                .isEqualTo(content.remaining());
        assertThat(found.flip().mismatch(content)).isEqualTo(-1);
    }

    @Test
    void slowDownIsObeyed() throws Exception {
        ByteBuffer content = noise(1000);
        proxy.first(2, request -> request.method().equals("PUT"), Fault.error(503, "SlowDown"));
        fails(Kind.RETRYABLE, "slow down", () -> bare.putIfAbsent("a", List.of(content)));
        retrying.putIfAbsent("a", List.of(content));
        holds("a", content);
        long start = System.nanoTime();
        proxy.first(1, request -> true, Fault.error(503, "SlowDown", "Retry-After: 1"));
        assertThat(retrying.stat("a")).isEqualTo(1000);
        assertThat(System.nanoTime() - start)
                .isGreaterThan(Duration.ofMillis(900).toNanos());
        assertThat(counter.count().puts()).isEqualTo(2);
        assertThat(counter.count().gets()).isEqualTo(3);
    }

    @Test
    void aLinkCutInAPutIsMended() throws Exception {
        ByteBuffer content = noise(3 << 20);
        proxy.first(1, request -> request.isPutOf("/cut"), Fault.cutRequest(1 << 20));
        fails(Kind.RETRYABLE, "connection broke", () -> bare.putIfAbsent("cut", List.of(content)));
        fails(Kind.NOT_FOUND, "no such", () -> bare.stat("cut"));
        proxy.first(2, request -> request.isPutOf("/cut"), Fault.cutRequest(1 << 20));
        retrying.putIfAbsent("cut", List.of(content));
        holds("cut", content);
    }

    @Test
    void aLinkCutInAGetIsMendedAndThePositionStays() throws Exception {
        ByteBuffer content = noise(3 << 20);
        bare.putIfAbsent("b", List.of(content));
        ByteBuffer dst = ByteBuffer.allocateDirect(4 << 20).position(10);
        proxy.first(1, request -> request.method().equals("GET"), Fault.cutAnswer(1 << 20));
        fails(Kind.RETRYABLE, "read b", () -> bare.get("b", ByteRange.exact(0, 3 << 20), dst));
        assertThat(dst.position()).isEqualTo(10);
        proxy.first(2, request -> request.method().equals("GET"), Fault.cutAnswer(1 << 20));
        retrying.get("b", ByteRange.exact(0, 3 << 20), dst);
        assertThat(dst.flip().position(10).mismatch(content)).isEqualTo(-1);
    }

    @Test
    void aPutWhoseAnswerIsLostHappenedOnce() throws Exception {
        ByteBuffer content = noise(1000);
        proxy.first(1, request -> request.isPutOf("/x"), Fault.LOSE_ANSWER);
        fails(Kind.RETRYABLE, "connection broke", () -> bare.putIfAbsent("x", List.of(content)));
        fails(Kind.CONFLICT, "exists", () -> bare.putIfAbsent("x", List.of(content)));
        proxy.first(1, request -> request.isPutOf("/y"), Fault.LOSE_ANSWER);
        retrying.putIfAbsent("y", List.of(content));
        holds("y", content);
        // The control: without the lost answer the same second put is a conflict.
        proxy.faults(request -> Fault.NONE);
        fails(Kind.CONFLICT, "exists", () -> retrying.putIfAbsent("y", List.of(content)));
    }

    @Test
    void anAnswerThatTakesTooLongIsGivenUp() throws Exception {
        ByteBuffer content = noise(1000);
        bare.putIfAbsent("d", List.of(content));
        proxy.first(1, request -> true, Fault.delay(300));
        assertThat(bare.stat("d")).isEqualTo(1000);
        proxy.first(1, request -> true, Fault.delay(4000));
        fails(Kind.RETRYABLE, "connection broke", () -> bare.stat("d"));
        proxy.first(1, request -> true, Fault.delay(4000));
        assertThat(retrying.stat("d")).isEqualTo(1000);
    }

    @Test
    void aListingWithManyPagesSurvivesACut() throws Exception {
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            int first = t;
            Thread thread = new Thread(() -> {
                for (int i = first; i < 1100; i += 4) {
                    try {
                        retrying.putIfAbsent(String.format("many/%05d", i), List.of());
                    } catch (TargetException e) {
                        throw new IllegalStateException(e);
                    }
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join(50_000);
        }
        proxy.first(1, request -> request.path().contains("continuation-token"), Fault.cutAnswer(20_000));
        List<String> seen = new ArrayList<>();
        long before = counter.count().lists();
        retrying.list("many/", (key, sizeBytes) -> seen.add(key));
        assertThat(seen).hasSize(1100).isSorted().doesNotHaveDuplicates();
        assertThat(counter.count().lists() - before).isGreaterThanOrEqualTo(2);
    }

    @Test
    void aLargeBlobGoesInPartsAndAConflictIsFound() throws Exception {
        ByteBuffer content = noise((11 << 20) + 17);
        List<ByteBuffer> pieces = List.of(content.slice(0, 3 << 20), content.slice(3 << 20, (8 << 20) + 17));
        retrying.putIfAbsent("parts", pieces);
        holds("parts", content);
        assertThat(counter.count().puts()).isEqualTo(5);
        fails(Kind.CONFLICT, "exists", () -> retrying.putIfAbsent("parts", pieces));
    }

    @Test
    void aPartThatFailsGivesUpThePartsAndTheRepetitionIsWhole() throws Exception {
        ByteBuffer content = noise(11 << 20);
        proxy.first(1, request -> request.isPutOf("partNumber=2"), Fault.cutRequest(1 << 20));
        fails(Kind.RETRYABLE, "part 2", () -> bare.putIfAbsent("p", List.of(content)));
        assertThat(proxy.seen()).anyMatch(request -> request.method().equals("DELETE"));
        fails(Kind.NOT_FOUND, "no such", () -> bare.stat("p"));
        proxy.first(1, request -> request.isPutOf("partNumber=1"), Fault.error(503, "SlowDown"));
        retrying.putIfAbsent("p", List.of(content));
        holds("p", content);
    }

    @Test
    void aCompletionWhoseAnswerIsLostHappened() throws Exception {
        ByteBuffer content = noise(11 << 20);
        proxy.first(
                1,
                request -> request.method().equals("POST") && request.path().contains("uploadId"),
                Fault.LOSE_ANSWER);
        bare.putIfAbsent("c", List.of(content));
        holds("c", content);
    }

    @Test
    void aWrongClockIsToldAndDisturbsNoOtherTarget() throws Exception {
        proxy.faults(request -> Fault.error(403, "RequestTimeTooSkewed", "Date: Sun, 01 Mar 2026 12:00:00 GMT"));
        fails(Kind.DENIED, "the store says Sun, 01 Mar 2026 12:00:00 GMT", () -> retrying.validate());
        try (S3Target other = RadosGateway.shared().newTarget()) {
            other.validate();
        }
    }

    @Test
    void whatAStoreSaysIsUnderstood() {
        proxy.faults(request -> Fault.error(400, "ExpiredToken"));
        fails(Kind.DENIED, "have expired", () -> retrying.validate());
        proxy.faults(request -> Fault.error(403, "QuotaExceeded"));
        fails(Kind.FULL, "make room", () -> retrying.putIfAbsent("q", List.of(noise(10))));
        proxy.faults(request -> Fault.error(301, "PermanentRedirect"));
        fails(Kind.DENIED, "Set its region", () -> retrying.validate());
        proxy.faults(request -> Fault.error(500, "InternalError"));
        fails(Kind.RETRYABLE, "the store failed", () -> retrying.validate());
        proxy.faults(request -> Fault.error(501, "NotImplemented"));
        fails(Kind.DENIED, "does not accept", () -> retrying.validate());
        // A miss that names neither key nor bucket proves nothing by itself; the bucket is looked at.
        proxy.faults(request -> Fault.error(404, "NoSuchBucket"));
        fails(Kind.UNREACHABLE, "no such bucket", () -> retrying.stat("a"));
        fails(Kind.UNREACHABLE, "no such bucket", () -> retrying.get("a", ByteRange.head(1), ByteBuffer.allocate(1)));
    }
}
