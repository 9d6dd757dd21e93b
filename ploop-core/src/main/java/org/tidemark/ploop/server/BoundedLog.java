package org.tidemark.ploop.server;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * The log of a server process: a file on the run folder's tmpfs that never takes more than twice its limit. When it is full
 * it becomes {@code NAME.1} in place of the one before. Trouble with the log is never trouble for the server.
 */
final class BoundedLog extends OutputStream {
    private static final long LIMIT_BYTES = 512 * 1024;

    private final Path file;
    private final long limitBytes;
    private OutputStream out;
    private long sizeBytes;

    BoundedLog(Path file, long limitBytes) throws IOException {
        this.file = file;
        this.limitBytes = limitBytes;
        this.out = Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        this.sizeBytes = Files.size(file);
    }

    /** From now on everything that is logged or printed in this process goes to {@code log/NAME.log}. */
    static void install(RunFolder run, String name) throws IOException {
        System.setProperty("java.util.logging.SimpleFormatter.format", "%1$tFT%1$tT.%1$tL %4$s %3$s: %5$s%6$s%n");
        PrintStream log = new PrintStream(
                new BoundedLog(run.logs().resolve(name + ".log"), LIMIT_BYTES), true, StandardCharsets.UTF_8);
        System.setOut(log);
        System.setErr(log);
    }

    @Override
    public synchronized void write(int one) {
        write(new byte[] {(byte) one}, 0, 1);
    }

    @Override
    public synchronized void write(byte[] bytes, int offset, int length) {
        try {
            if (sizeBytes + length > limitBytes && sizeBytes > 0) {
                turn();
            }
            int kept = (int) Math.min(length, limitBytes);
            out.write(bytes, offset, kept);
            sizeBytes += kept;
        } catch (IOException e) {
            sizeBytes = limitBytes;
        }
    }

    private void turn() throws IOException {
        out.close();
        Files.move(file, file.resolveSibling(file.getFileName() + ".1"), StandardCopyOption.REPLACE_EXISTING);
        out = Files.newOutputStream(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);
        sizeBytes = 0;
    }

    @Override
    public synchronized void close() throws IOException {
        out.close();
    }
}
