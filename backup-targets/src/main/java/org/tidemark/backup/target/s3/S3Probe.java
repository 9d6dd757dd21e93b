package org.tidemark.backup.target.s3;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.target.ByteRange;
import org.tidemark.backup.target.LinkPace;
import org.tidemark.backup.target.ProbeReport;
import org.tidemark.backup.target.RequestCounter;
import org.tidemark.backup.target.TargetException;
import org.tidemark.backup.target.TargetException.Kind;
import org.tidemark.backup.target.TargetProbe;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.model.DeleteObjectRequest;

/**
 * Tries what backups need of a store, and decides how create-if-absent is done from then on.
 *
 * <p>Every appliance has two keys of its own, {@code probe/<appliance>/once} and {@code .../race}, always the same: with
 * credentials that cannot delete, which are the recommended ones, exactly these two objects stay. They are removed at the
 * end where that is permitted; then the next probe begins afresh. Where they stay, a later probe still shows that a put of
 * a key that exists is refused, and all of eight at once; the race for a new key was decided at the first probe.
 */
final class S3Probe {
    static final int RACERS = 8;
    private static final long RACE_SECONDS = 120;
    private static final byte[] CONTENT = "tidemark probe 0123456789".getBytes(StandardCharsets.US_ASCII);

    private final S3Target target;
    private final S3Store store;
    private final RequestCounter counter;
    private final String onceKey;
    private final String raceKey;
    private final LongSupplier nanoTime;
    private final TargetProbe steps;

    S3Probe(S3Target target, S3Store store, RequestCounter counter, String name, LongSupplier nanoTime) {
        this.target = target;
        this.store = store;
        this.counter = counter;
        this.nanoTime = nanoTime;
        onceKey = "probe/" + name + "/once";
        raceKey = "probe/" + name + "/race";
        steps = new TargetProbe(nanoTime);
    }

    ProbeReport run() {
        boolean usable = reach() && write();
        if (usable) {
            boolean conditional = conditionHolds() && raceHasOneWinner();
            store.mode = conditional ? PutMode.CONDITIONAL : PutMode.SINGLE_WRITER;
            usable = failedForGood == null
                    && steps.step("read back", this::readBack)
                    && steps.step("list", this::listed);
            remove(onceKey);
            remove(raceKey);
        }
        return new ProbeReport(steps.steps(), usable, target.capabilities(), target.notice());
    }

    /** Set when a conditional put failed for another reason than its condition. */
    private @Nullable TargetException failedForGood;

    /** One request tells three things: whether somebody answers, whether we are known, and whether there is the bucket. */
    private boolean reach() {
        long start = nanoTime.getAsLong();
        String where = target.describe();
        try {
            target.validate();
        } catch (TargetException e) {
            String message = String.valueOf(e.getMessage());
            AwsServiceException answer = e.getCause() instanceof AwsServiceException service ? service : null;
            boolean connected = answer != null;
            steps.note("connect", connected, start, connected ? "a server answers" : message);
            if (answer != null) {
                boolean known = S3Errors.code(answer).equals("NoSuchBucket");
                steps.note("authenticate", known, start, known ? "the credentials are known" : message);
                if (known) {
                    steps.note("bucket", false, start, message);
                }
            }
            return false;
        }
        steps.note("connect", true, start, "a server answers");
        steps.note("authenticate", true, start, "the credentials are known");
        steps.note("bucket", true, start, where + " can be listed");
        return true;
    }

    private boolean write() {
        return steps.step("write", () -> {
            try {
                store.put(onceKey, content("first"), true, counter, LinkPace.NONE);
                return "an object was written";
            } catch (TargetException e) {
                if (e.kind() == Kind.CONFLICT) {
                    return "writing is permitted; the object of an earlier probe is still there";
                }
                store.put(onceKey, content("first"), false, counter, LinkPace.NONE);
                return "an object was written; with the condition If-None-Match it was refused (" + e.getMessage()
                        + ")";
            }
        });
    }

    private boolean conditionHolds() {
        long start = nanoTime.getAsLong();
        try {
            store.put(onceKey, content("second"), true, counter, LinkPace.NONE);
        } catch (TargetException e) {
            boolean refused = e.kind() == Kind.CONFLICT;
            if (!refused && e.mayPass()) {
                failedForGood = e;
            }
            steps.note(
                    "conditional write", refused, start, refused ? "a second write is refused" : "" + e.getMessage());
            return refused;
        }
        steps.note("conditional write", false, start, S3Target.SINGLE_WRITER_NOTICE);
        return false;
    }

    private boolean raceHasOneWinner() {
        long start = nanoTime.getAsLong();
        AtomicInteger won = new AtomicInteger();
        AtomicReference<@Nullable TargetException> failure = new AtomicReference<>();
        boolean ended;
        try {
            ended = race(won, failure);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            ended = false;
        }
        TargetException failed = failure.get();
        if (!ended || (failed != null && won.get() <= 1)) {
            failedForGood = failed != null
                    ? failed
                    : new TargetException(Kind.RETRYABLE, target.describe() + " did not end the race in time");
            steps.note("race", false, start, String.valueOf(failedForGood.getMessage()));
            return false;
        }
        boolean one = won.get() <= 1;
        String found =
                switch (won.get()) {
                    case 0 -> "all of " + RACERS + " writes at once of a key that exists were refused";
                    case 1 -> "of " + RACERS + " writes at once of a new key one won";
                    default ->
                        "of " + RACERS + " writes at once of a new key " + won.get() + " won. "
                                + S3Target.SINGLE_WRITER_NOTICE;
                };
        steps.note("race", one, start, found);
        return one;
    }

    private boolean race(AtomicInteger won, AtomicReference<@Nullable TargetException> failure)
            throws InterruptedException {
        CountDownLatch go = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(RACERS);
        List<Thread> racers = new ArrayList<>();
        for (int i = 0; i < RACERS; i++) {
            List<ByteBuffer> mine = content("racer " + i);
            Thread racer = new Thread(
                    () -> {
                        try {
                            go.await();
                            store.put(raceKey, mine, true, counter, LinkPace.NONE);
                            won.incrementAndGet();
                        } catch (TargetException e) {
                            // Stores may answer losers with "try again": they did not win, which is all we ask.
                            if (e.kind() != Kind.CONFLICT && !e.mayPass()) {
                                failure.compareAndSet(null, e);
                            }
                        } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                        } finally {
                            end.countDown();
                        }
                    },
                    "tidemark-s3-probe");
            racer.setDaemon(true);
            racers.add(racer);
        }
        racers.forEach(Thread::start);
        go.countDown();
        return end.await(RACE_SECONDS, TimeUnit.SECONDS);
    }

    private String readBack() throws TargetException {
        ByteBuffer found = ByteBuffer.allocate(CONTENT.length);
        target.get(onceKey, ByteRange.exact(0, CONTENT.length), found);
        ByteBuffer part = ByteBuffer.allocate(10);
        target.get(onceKey, ByteRange.exact(15, 10), part);
        if (found.flip().mismatch(ByteBuffer.wrap(CONTENT)) >= 0
                || part.flip().mismatch(ByteBuffer.wrap(CONTENT, 15, 10)) >= 0) {
            throw new TargetException(
                    Kind.CORRUPT, target.describe() + " gives back something else than was written; do not use it");
        }
        return "what was written is read back, a part of it too";
    }

    private String listed() throws TargetException {
        boolean[] seen = new boolean[1];
        target.list(onceKey, (key, sizeBytes) -> seen[0] |= key.equals(onceKey));
        if (!seen[0]) {
            throw new TargetException(
                    Kind.CORRUPT,
                    target.describe()
                            + " does not list an object right after it was written; such a store cannot be used");
        }
        return "the listing shows it at once";
    }

    /** Best effort; see the class. */
    private void remove(String key) {
        try {
            store.client.deleteObject(DeleteObjectRequest.builder()
                    .bucket(store.settings.bucket())
                    .key(store.fullKey(key))
                    .build());
        } catch (SdkException e) {
            // Not permitted, most likely, and rightly so.
        }
    }

    private static List<ByteBuffer> content(String who) {
        return List.of(ByteBuffer.wrap(CONTENT), ByteBuffer.wrap((" " + who).getBytes(StandardCharsets.US_ASCII)));
    }
}
