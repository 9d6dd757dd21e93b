package org.tidemark.ploop.io.nfs;

import java.nio.file.Path;
import java.time.Duration;
import org.tidemark.ploop.device.attach.TmpfsStateArea;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.os.nfs.NfsServer;

/** A process that owns a file, writes to it without any flush, says what it has written, and waits to be killed. */
final class NfsImageWriterMain {
    static final int BLOCK_BYTES = 8192;
    static final int BLOCKS = 16;
    static final int WRITES = 100;

    private NfsImageWriterMain() {}

    /** Address and export of the server, a folder for the state, the name of a file that is there. */
    public static void main(String[] arguments) throws Exception {
        TmpfsStateArea area = TmpfsStateArea.create(Path.of(arguments[2]));
        NfsImageDirectory folder =
                NfsImageDirectory.open(NfsServer.of(arguments[0]), arguments[1], "/", RealExport.SETTINGS, area);
        folder.lock(arguments[3], true);
        ImageIo io = folder.open(arguments[3], OpenMode.READ_WRITE);
        AlignedBuffer buffer = AlignedBuffer.allocate(BLOCK_BYTES);
        for (int write = 1; write <= WRITES; write++) {
            for (int at = 0; at < BLOCK_BYTES; at += 8) {
                buffer.putLong(at, write);
            }
            io.write((long) (write % BLOCKS) * BLOCK_BYTES, buffer, 0, BLOCK_BYTES);
            System.out.println(write);
        }
        Thread.sleep(Duration.ofMinutes(1).toMillis());
    }
}
