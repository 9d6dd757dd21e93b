package org.tidemark.appliance.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.tidemark.ploop.migrate.CheckedStreamSink;

/** Speaks to a program that the shell started, over its standard input and output; what it complains of goes to ours. */
final class CommandConnection implements CheckedStreamSink.Connection {
    private static final long ENDS_WITHIN_SECONDS = 5;
    /** Its disk may take its time to write what it has. */
    private static final Duration ANSWERS_WITHIN = Duration.ofSeconds(120);

    private static final long LOOK_NANOS = 500_000L;
    private static final int PART_BYTES = 64 * 1024;

    private final Process process;

    CommandConnection(String command) throws IOException {
        process = new ProcessBuilder("sh", "-c", command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    @Override
    public WritableByteChannel out() {
        OutputStream stream = process.getOutputStream();
        return new WritableByteChannel() {
            @Override
            public int write(ByteBuffer src) throws IOException {
                byte[] part = new byte[Math.min(PART_BYTES, src.remaining())];
                src.get(part);
                stream.write(part);
                stream.flush();
                return part.length;
            }

            @Override
            public boolean isOpen() {
                return process.isAlive();
            }

            @Override
            public void close() throws IOException {
                stream.close();
            }
        };
    }

    @Override
    public ReadableByteChannel in() {
        InputStream stream = process.getInputStream();
        ReadableByteChannel answers = Channels.newChannel(stream);
        return new ReadableByteChannel() {
            @Override
            public int read(ByteBuffer dst) throws IOException {
                awaitAnswer(stream);
                return answers.read(dst);
            }

            @Override
            public boolean isOpen() {
                return answers.isOpen();
            }

            @Override
            public void close() throws IOException {
                answers.close();
            }
        };
    }

    /** A connection that was cut without a word would be waited for for ever. */
    private void awaitAnswer(InputStream stream) throws IOException {
        long begun = System.nanoTime();
        while (stream.available() == 0 && process.isAlive()) {
            if (System.nanoTime() - begun > ANSWERS_WITHIN.toNanos()) {
                throw new IOException("the receiver said nothing for " + ANSWERS_WITHIN.toSeconds() + " s");
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }

    @Override
    public void close() throws IOException {
        try {
            process.getOutputStream().close();
        } catch (IOException e) {
            // It has gone before.
        }
        try {
            if (!process.waitFor(ENDS_WITHIN_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
