package org.tidemark.backup.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.target.memory.MemoryFault;
import org.tidemark.backup.target.memory.MemoryTarget;
import org.tidemark.backup.testing.FaultyTarget;

class RetryingTargetTest {
    private final MemoryTarget memory = new MemoryTarget();
    private final FaultyTarget faulty = new FaultyTarget(memory);
    private final RequestCounter counter = new RequestCounter();
    private final Time time = new Time();
    private final AtomicBoolean cancelled = new AtomicBoolean();
    private final RetryingTarget target = new RetryingTarget(
            new MeteredTarget(faulty, counter),
            new RetryPolicy(5, Duration.ofMillis(200), Duration.ofSeconds(1), Duration.ofSeconds(30)),
            time,
            new Random(1),
            cancelled::get);

    /** Passes only when somebody sleeps. */
    private static final class Time implements Pauses {
        private long now = 1_000_000;
        private long slept;
        private final List<Long> asked = new ArrayList<>();

        @Override
        public long nanoTime() {
            return now;
        }

        @Override
        public void sleep(Duration pause) {
            asked.add(pause.toMillis());
            slept += pause.toNanos();
            now += pause.toNanos();
        }
    }

    private static List<ByteBuffer> words(String text) {
        return List.of(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
    }

    private static void fails(Kind kind, ThrowingCallable call) {
        assertThatExceptionOfType(TargetException.class).isThrownBy(call).satisfies(e -> assertThat(e.kind())
                .isEqualTo(kind));
    }

    private void failFirst(int times, MemoryFault fault) {
        faulty.faults((verb, key, call) -> call <= times ? fault : MemoryFault.NONE);
    }

    @Test
    void whatPassesIsTriedAgainAndEachAttemptIsCounted() throws Exception {
        failFirst(3, MemoryFault.FAIL);
        target.putIfAbsent("a", words("abc"));
        assertThat(memory.stat("a")).isEqualTo(3);
        assertThat(counter.count()).isEqualTo(new MeteredTarget.Count(4, 0, 0, 3, 0));
        assertThat(time.slept).isBetween(1L, Duration.ofMillis(200 + 400 + 800).toNanos());
    }

    @Test
    void whatDoesNotPassIsNotTriedAgain() {
        failFirst(1, MemoryFault.FULL);
        fails(Kind.FULL, () -> target.putIfAbsent("a", words("abc")));
        failFirst(1, MemoryFault.UNREACHABLE);
        fails(Kind.UNREACHABLE, () -> target.stat("a"));
        fails(Kind.NOT_FOUND, () -> target.stat("a"));
        assertThat(time.slept).isZero();
    }

    @Test
    void attemptsAreBounded() {
        failFirst(100, MemoryFault.FAIL);
        fails(Kind.RETRYABLE, () -> target.stat("a"));
        assertThat(counter.count().gets()).isEqualTo(5);
    }

    @Test
    void aPauseThatWasAskedForIsKeptAndOneTooLongIsNotBegun() throws Exception {
        long[] seconds = {7};
        BackupTarget busy = new RetryingTarget(
                new Answering(memory, () -> {
                    long asked = seconds[0];
                    seconds[0] = 0;
                    if (asked > 0) {
                        throw TargetException.passing(Kind.RETRYABLE, "slow down", null, Duration.ofSeconds(asked));
                    }
                }),
                RetryPolicy.forJobs(),
                time,
                new Random(1),
                () -> false);
        busy.validate();
        assertThat(time.slept).isEqualTo(Duration.ofSeconds(7).toNanos());
        seconds[0] = 600;
        fails(Kind.RETRYABLE, busy::validate);
        assertThat(time.slept).isEqualTo(Duration.ofSeconds(7).toNanos());
    }

    @Test
    void cancellingEndsThePause() {
        failFirst(100, MemoryFault.FAIL);
        cancelled.set(true);
        fails(Kind.RETRYABLE, () -> target.stat("a"));
        assertThat(counter.count().gets()).isEqualTo(1);
        assertThat(time.slept).isZero();
    }

    @Test
    void aLostAnswerToAPutIsOurs() throws Exception {
        byte[] large = new byte[3 << 20];
        new Random(2).nextBytes(large);
        for (byte[] content : List.of(new byte[0], new byte[] {1, 2, 3}, large)) {
            failFirst(1, MemoryFault.LOSE_ANSWER);
            String key = "k" + content.length;
            int cut = content.length / 3;
            target.putIfAbsent(
                    key,
                    List.of(ByteBuffer.wrap(content, 0, cut), ByteBuffer.wrap(content, cut, content.length - cut)));
            assertThat(memory.snapshot().get(key)).isEqualTo(content);
        }
    }

    @Test
    void somebodyElsesBlobIsAConflict() throws Exception {
        memory.putIfAbsent("a", words("theirs"));
        for (String ours : List.of("ours!!", "longer than theirs")) {
            failFirst(1, MemoryFault.FAIL);
            fails(Kind.CONFLICT, () -> target.putIfAbsent("a", words(ours)));
        }
        // A first attempt that meets a conflict has nothing to settle, whatever is there.
        failFirst(0, MemoryFault.NONE);
        fails(Kind.CONFLICT, () -> target.putIfAbsent("a", words("theirs")));
    }

    @Test
    void aListingThatBreaksGoesOnWhereItWas() throws Exception {
        for (int i = 0; i < 5; i++) {
            memory.putIfAbsent("k" + i, words("x"));
        }
        int[] left = {3};
        BackupTarget breaking = new RetryingTarget(
                new Answering(memory, () -> {
                    if (left[0]-- > 0) {
                        throw new TargetException(Kind.RETRYABLE, "the line broke");
                    }
                }),
                RetryPolicy.forJobs(),
                time,
                new Random(1),
                () -> false);
        List<String> seen = new ArrayList<>();
        breaking.list("", (key, sizeBytes) -> seen.add(key));
        assertThat(seen).containsExactly("k0", "k1", "k2", "k3", "k4");
        List<String> once = new ArrayList<>();
        fails(
                Kind.RETRYABLE,
                () -> target.list("", (key, sizeBytes) -> {
                    once.add(key);
                    throw new TargetException(Kind.RETRYABLE, "the visitor's own trouble");
                }));
        assertThat(once).containsExactly("k0");
    }

    /** Asks before each call, and after the second blob of a listing. */
    private record Answering(MemoryTarget target, Trial trial) implements BackupTarget {
        @FunctionalInterface
        interface Trial {
            void run() throws TargetException;
        }

        @Override
        public void putIfAbsent(String key, List<ByteBuffer> content) throws TargetException {
            target.putIfAbsent(key, content);
        }

        @Override
        public long get(String key, ByteRange range, ByteBuffer dst) throws TargetException {
            return target.get(key, range, dst);
        }

        @Override
        public long stat(String key) throws TargetException {
            return target.stat(key);
        }

        @Override
        public void list(String prefix, BlobVisitor visitor) throws TargetException {
            int[] told = {0};
            target.list(prefix, (key, sizeBytes) -> {
                if (told[0]++ == 2) {
                    trial.run();
                }
                visitor.blob(key, sizeBytes);
            });
        }

        @Override
        public void listFolders(String prefix, java.util.function.Consumer<String> visitor) throws TargetException {
            target.listFolders(prefix, visitor);
        }

        @Override
        public TargetCapabilities capabilities() {
            return target.capabilities();
        }

        @Override
        public void validate() throws TargetException {
            trial.run();
        }

        @Override
        public String describe() {
            return target.describe();
        }

        @Override
        public void close() {}
    }
}
