package org.tidemark.ploop.io.nfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.KeptMemory;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;
import org.tidemark.ploop.os.nfs.SimulatedNfs;

/** A server without room refuses, and loses nothing. */
class NfsNoRoomTest {
    private static final int PIECE_BYTES = 4096;

    private final SimulatedNfs server = new SimulatedNfs(new Random(1), 0);
    private final AlignedBuffer buffer = AlignedBuffer.allocate(3 * PIECE_BYTES);
    private ImageIo io;
    private int writes;

    @BeforeEach
    void writeThreePieces() throws IOException {
        server.coarseVerifier();
        io = SimulatedExport.open(server, KeptMemory.ofThisProcess(), new SimulatedTime(), 1)
                .create("file");
        for (int i = 0; i < 3; i++) {
            buffer.putLong(i * PIECE_BYTES, i + 1);
        }
        io.write(0, buffer, 0, 3 * PIECE_BYTES);
        // Splits the record in two.
        io.write(PIECE_BYTES, buffer, PIECE_BYTES, PIECE_BYTES);
    }

    private static void isRefused(ThrowingCallable call) {
        assertThatExceptionOfType(OsException.class).isThrownBy(call).satisfies(e -> assertThat(e.errno())
                .isEqualTo(Errno.ENOSPC));
    }

    private void everythingIsThere() throws IOException {
        io.flush();
        server.restart();
        byte[] content = server.content("/file");
        for (int i = 0; i < 3; i++) {
            assertThat(content[i * PIECE_BYTES]).as("piece " + i).isEqualTo((byte) (i + 1));
        }
    }

    @Test
    void toGrow() throws IOException {
        server.refusing(call -> call.equals("setattr") ? Errno.ENOSPC : 0);
        isRefused(() -> io.truncate(1 << 20));
        server.refusing(call -> 0);
        everythingIsThere();
    }

    @Test
    void toWriteAgainWhatWasForgotten() throws IOException {
        for (int before = 0; before < 3; before++) {
            server.restart();
            writes = before;
            server.refusing(call -> call.equals("write") && writes-- == 0 ? Errno.ENOSPC : 0);
            isRefused(io::flush);
        }
        server.refusing(call -> 0);
        server.restart();
        everythingIsThere();
    }
}
