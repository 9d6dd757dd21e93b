package org.tidemark.ploop.io.nfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.os.nfs.SimulatedNfs;

/** Which kept writes a successor writes, and which it must not. */
@Timeout(30)
class NfsTakeoverTest {
    private static final long OLD = 1;
    private static final long NEW = 2;

    private final SimulatedNfs server = new SimulatedNfs(new Random(1), 0);
    private final SimulatedTime time = new SimulatedTime();
    private final SimulatedExport hosts = new SimulatedExport();
    private final AlignedBuffer buffer = AlignedBuffer.allocate(4096);
    private final SnapshotMemory kept = new SnapshotMemory();
    private long processes;
    private OwnerProcess process;

    private NfsImageDirectory start(String host, KeptMemory memory) throws IOException {
        process = hosts.process(host, ++processes);
        return NfsImageDirectory.open(
                "nfs://simulated/export",
                server::connect,
                "/",
                SimulatedExport.SETTINGS,
                memory,
                time,
                new Random(processes),
                hosts.seenBy(process));
    }

    private ImageIo owned(NfsImageDirectory folder) throws IOException {
        folder.lock("file", true);
        return folder.open("file", OpenMode.READ_WRITE);
    }

    private void write(ImageIo io, long value) throws IOException {
        buffer.putLong(0, value);
        io.write(0, buffer, 0, 4096);
    }

    private long read(ImageIo io) throws IOException {
        io.read(0, buffer, 0, 4096);
        return buffer.getLong(0);
    }

    private void createAndDieWithAWrite() throws IOException {
        try (NfsImageDirectory folder = start("a", kept)) {
            folder.create("file").close();
        }
        dieWithAWrite();
    }

    private void dieWithAWrite() throws IOException {
        ImageIo io = owned(start("a", kept));
        write(io, OLD);
        hosts.dies(process);
    }

    private void otherWrites(NfsImageDirectory other) throws IOException {
        try (other) {
            NfsLock lock = (NfsLock) other.lock("file", true);
            try (ImageIo io = other.open("file", OpenMode.READ_WRITE)) {
                write(io, NEW);
                io.flush();
            }
            lock.close();
        }
    }

    private void successorIsSuspectAndLeaves(long expected) throws IOException {
        try (NfsImageDirectory folder = start("a", kept)) {
            NfsLock lock = (NfsLock) folder.lock("file", true);
            try (ImageIo io = folder.open("file", OpenMode.READ_WRITE)) {
                assertThat(read(io)).isEqualTo(expected);
                assertThatExceptionOfType(ImageException.class)
                        .isThrownBy(() -> write(io, OLD))
                        .satisfies(e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.SUSPECT));
            }
            // Whoever opens it again begins anew.
            try (ImageIo io = folder.open("file", OpenMode.READ_WRITE)) {
                assertThat(read(io)).isEqualTo(expected);
                write(io, 3);
                io.flush();
            }
            lock.close();
        }
    }

    /** By another export of the same folder, or a server that counts its file systems anew, a lock is the same one. */
    @Test
    void aLockIsSeenByWhicheverExport() throws IOException {
        createAndDieWithAWrite();
        server.fileSystem(7);
        assertThatExceptionOfType(ImageException.class)
                .isThrownBy(() -> start("b", new SnapshotMemory()).lock("file", true))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.IN_USE));
        // What is kept may be of another file then; that it is there is said.
        successorIsSuspectAndLeaves(OLD);
    }

    @Test
    void aSuccessorWaitsForAChangeOfNamesThatWasUnderWay() throws IOException {
        NfsImageDirectory folder = start("a", kept);
        folder.create("file").close();
        assertThat(timeToStart()).isLessThan(SimulatedExport.SHORTEST_SETTLE_NANOS);
        int[] seen = new int[1];
        server.aroundRequests(() -> {
            // The attributes, and then the renaming is about to be sent.
            if (++seen[0] == 3) {
                throw new LinkageError("killed");
            }
        });
        assertThatExceptionOfType(LinkageError.class).isThrownBy(() -> folder.rename("file", "other"));
        server.aroundRequests(() -> {});
        assertThat(timeToStart()).isGreaterThanOrEqualTo(SimulatedExport.SHORTEST_SETTLE_NANOS);
        assertThat(timeToStart()).isLessThan(SimulatedExport.SHORTEST_SETTLE_NANOS);
    }

    private long timeToStart() throws IOException {
        long start = time.nanoTime();
        start("a", kept).close();
        return time.nanoTime() - start;
    }

    @Test
    void aSuccessorGoesOnAndSoDoesItsSuccessor() throws IOException {
        createAndDieWithAWrite();
        server.restart();
        // Dies between the lock and the file, twice.
        for (int i = 0; i < 2; i++) {
            start("a", kept).lock("file", true);
            hosts.dies(process);
        }
        try (NfsImageDirectory folder = start("a", kept)) {
            ImageIo io = owned(folder);
            assertThat(read(io)).isEqualTo(OLD);
            write(io, NEW);
        }
        hosts.dies(process);
        try (ImageIo io = owned(start("a", kept))) {
            assertThat(read(io)).isEqualTo(NEW);
        }
    }

    @Test
    void notAfterTheLockWasBrokenAndAnotherHostHasWritten() throws IOException {
        createAndDieWithAWrite();
        try (NfsImageDirectory operator = start("b", KeptMemory.ofThisProcess())) {
            operator.breakLock("file");
        }
        otherWrites(start("b", KeptMemory.ofThisProcess()));
        successorIsSuspectAndLeaves(NEW);
    }

    @Test
    void notAfterACommandOnTheSameHost() throws IOException {
        createAndDieWithAWrite();
        otherWrites(start("a", KeptMemory.ofThisProcess()));
        successorIsSuspectAndLeaves(NEW);
    }

    @Test
    void notEvenWhenNothingWasLeftToWrite() throws IOException {
        createAndDieWithAWrite();
        owned(start("a", kept)).flush();
        hosts.dies(process);
        otherWrites(start("a", KeptMemory.ofThisProcess()));
        successorIsSuspectAndLeaves(NEW);
    }

    @Test
    void notIntoAFileThatWasMadeAnewWithTheSameNumber() throws IOException {
        createAndDieWithAWrite();
        server.recreate("/file");
        successorIsSuspectAndLeaves(0);
    }

    @Test
    void withoutTheLockNothingIsTakenOver() throws IOException {
        createAndDieWithAWrite();
        server.restart();
        try (NfsImageDirectory folder = start("a", kept)) {
            assertThatExceptionOfType(ImageException.class)
                    .isThrownBy(() -> folder.open("file", OpenMode.READ_WRITE))
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.IN_USE));
            folder.open("file", OpenMode.READ_ONLY).close();
            try (ImageIo io = owned(folder)) {
                assertThat(read(io)).isEqualTo(OLD);
            }
        }
    }
}
