package org.tidemark.ploop.io.nfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.time.Duration;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.NfsClient;
import org.tidemark.ploop.os.nfs.NfsLostException;
import org.tidemark.ploop.os.nfs.SimulatedNfs;

/** A server that is away, for a while or for good. */
class NfsPatienceTest {
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final NfsImageSettings SETTINGS = new NfsImageSettings(
            2, 64 << 10, Duration.ofSeconds(30), PATIENCE, Duration.ofSeconds(60), Duration.ofSeconds(60));

    private final SimulatedNfs server = new SimulatedNfs(new Random(1), 0);
    private final AlignedBuffer buffer = AlignedBuffer.allocate(4096);
    private long backAtNanos;
    private NfsImageDirectory folder;
    private ImageIo io;

    private final SimulatedTime time = new SimulatedTime();

    private NfsClient connect() throws IOException {
        if (time.nanoTime() < backAtNanos) {
            throw new NfsLostException("away");
        }
        return server.connect();
    }

    private void isAwayFor(Duration absence) {
        backAtNanos = time.nanoTime() + absence.toNanos();
        server.coarseVerifier();
        server.restart(); // Which breaks every connection.
    }

    @BeforeEach
    void createFile() throws IOException {
        folder = SimulatedExport.open(this::connect, SETTINGS, KeptMemory.ofThisProcess(), time, 1);
        io = folder.create("file");
        buffer.putLong(0, 1);
        io.write(0, buffer, 0, 4096);
    }

    private static void isSuspect(ThrowingCallable call) {
        assertThatExceptionOfType(ImageException.class).isThrownBy(call).satisfies(e -> assertThat(e.kind())
                .isEqualTo(ImageException.Kind.SUSPECT));
    }

    @Test
    void aServerThatComesBackWithinThePatienceIsOnlySlow() throws IOException {
        try (ImageLock lock = folder.lock("file", true)) {
            isAwayFor(PATIENCE.minusMinutes(1));
            io.write(4096, buffer, 0, 4096);
            io.flush();
            assertThat(lock.descriptor()).isEqualTo(-1);
        }
        assertThat(server.content("/file")[4096]).isEqualTo((byte) 1);
    }

    @Test
    void afterThatTheFileIsReadOnlyAndNothingWaitsAnyMore() throws IOException {
        isAwayFor(PATIENCE.plusMinutes(5));
        long start = time.nanoTime();
        isSuspect(() -> io.write(8192, buffer, 0, 4096));
        assertThat(Duration.ofNanos(time.nanoTime() - start))
                .isBetween(PATIENCE.minusSeconds(10), PATIENCE.plusSeconds(10));
        long then = time.nanoTime();
        isSuspect(() -> io.write(8192, buffer, 0, 4096));
        isSuspect(io::flush);
        isSuspect(() -> io.read(1 << 20, buffer, 0, 4096));
        // What was written before and is kept is read without a server.
        buffer.putLong(0, 0);
        io.read(0, buffer, 0, 4096);
        assertThat(buffer.getLong(0)).isEqualTo(1);
        assertThat(Duration.ofNanos(time.nanoTime() - then)).isLessThan(Duration.ofSeconds(10));
        time.sleep(Duration.ofMinutes(6));
        io.read(1 << 20, buffer, 0, 4096);
        isSuspect(() -> io.write(8192, buffer, 0, 4096));
    }

    /** Does {@code call}, which must end with SUSPECT after the patience, about. */
    private void isSuspectAfterThePatience(ThrowingCallable call) {
        long start = time.nanoTime();
        isSuspect(call);
        assertThat(Duration.ofNanos(time.nanoTime() - start))
                .isBetween(PATIENCE.minusSeconds(40), PATIENCE.plusMinutes(1));
    }

    @Test
    void aServerThatAsksForPatienceAfterALostAttemptGetsIt() throws IOException {
        int[] asked = new int[1];
        server.refusing(call -> call.equals("write") && asked[0]++ < 20 ? Errno.EAGAIN : 0);
        isAwayFor(Duration.ofSeconds(1));
        io.write(4096, buffer, 0, 4096);
        assertThat(asked[0]).isGreaterThan(20);
        io.flush();
    }

    @Test
    void aServerThatAsksForPatienceForEverDoesNotGetIt() throws IOException {
        server.refusing(call -> call.equals("commit") ? Errno.EAGAIN : 0);
        isSuspectAfterThePatience(io::flush);
    }

    @Test
    void aWriteThatIsLostAgainAndAgainEndsThoughReadsAreAnswered() throws IOException {
        server.refusing(call -> call.equals("write") ? SimulatedNfs.LOST : 0);
        time.onSleep(() -> {
            try {
                io.read(1 << 20, AlignedBuffer.allocate(4096), 0, 4096);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
        isSuspectAfterThePatience(() -> io.write(4096, buffer, 0, 4096));
    }

    @Test
    void aLockThatCannotBeRenewedEndsTheWritingWithTheReason() throws IOException {
        try (ImageLock lock = folder.lock("file", true)) {
            server.refusing(call -> call.equals("write stable") ? Errno.EROFS : 0);
            time.sleep(SETTINGS.lease());
            isSuspectAfterThePatience(() -> io.write(4096, buffer, 0, 4096));
            assertThatExceptionOfType(ImageException.class)
                    .isThrownBy(() -> io.write(4096, buffer, 0, 4096))
                    .withMessageContaining("the lock cannot be renewed");
            long start = time.nanoTime();
            isSuspect(() -> folder.rename("file", "other"));
            assertThat(Duration.ofNanos(time.nanoTime() - start)).isLessThan(Duration.ofMinutes(1));
            assertThat(lock.descriptor()).isEqualTo(-1);
        }
    }

    @Test
    void aServerThatStartsMayNotKnowItsFilesYet() throws IOException {
        isAwayFor(Duration.ofMinutes(1));
        long knowsThem = backAtNanos + Duration.ofSeconds(10).toNanos();
        server.refusing(call -> time.nanoTime() < knowsThem ? Errno.ESTALE : 0);
        io.write(4096, buffer, 0, 4096);
        io.flush();
        assertThat(server.content("/file")[4096]).isEqualTo((byte) 1);
        // A file that is gone is known to be soon, by a server that was lost and by one that was not.
        for (int absences = 0; absences < 2; absences++) {
            server.refusing(call -> Errno.ESTALE);
            long start = time.nanoTime();
            assertThatExceptionOfType(OsException.class).isThrownBy(() -> io.write(8192, buffer, 0, 4096));
            assertThat(Duration.ofNanos(time.nanoTime() - start)).isLessThan(Duration.ofSeconds(40));
            isAwayFor(Duration.ofSeconds(1));
        }
    }

    @Test
    void aCloseThatWaitsHoldsUpNobodyElse() throws Exception {
        boolean[] answered = new boolean[1];
        int[] writes = new int[1];
        server.refusing(call -> call.equals("write") && writes[0]++ == 0 ? SimulatedNfs.LOST : 0);
        io.write(4096, buffer, 0, 4096);
        io.flush();
        time.onSleep(() -> {
            time.onSleep(() -> {});
            Thread other = new Thread(() -> {
                try (ImageIo another = folder.create("another")) {
                    answered[0] = another.writable();
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            other.start();
            try {
                other.join(10_000);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        io.close();
        assertThat(answered[0])
                .as("another file was made while this one waits for its end")
                .isTrue();
        try (ImageIo again = folder.open("file", OpenMode.READ_ONLY)) {
            again.read(4096, buffer, 0, 4096);
            assertThat(buffer.getLong(0)).isEqualTo(1);
        }
    }

    @Test
    void namesInDoubtDoNotWaitForEver() throws IOException {
        isAwayFor(PATIENCE.plusMinutes(5));
        isSuspect(() -> folder.rename("file", "other"));
        isSuspect(() -> folder.rename("file", "other"));
        time.sleep(Duration.ofMinutes(6));
        folder.rename("file", "other");
        assertThat(folder.list()).containsExactly("other");
    }

    @Test
    void anOwnerThatRenewsKeepsItsLockWhateverAnOperatorWants() throws IOException {
        try (NfsImageDirectory operator = SimulatedExport.open(
                this::connect,
                SETTINGS,
                KeptMemory.ofThisProcess(),
                new NfsClock() {
                    @Override
                    public long nanoTime() {
                        return time.nanoTime();
                    }

                    @Override
                    public void sleep(Duration pause) {
                        time.sleep(pause);
                        folder.export().locks().renewDue();
                    }
                },
                2)) {
            ImageLock lock = folder.lock("file", true);
            assertThatExceptionOfType(ImageException.class)
                    .isThrownBy(() -> operator.breakLock("file"))
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.IN_USE));
            io.write(0, buffer, 0, 4096);
            lock.close();
            operator.breakLock("file");
            operator.lock("file", true).close();
        }
    }
}
