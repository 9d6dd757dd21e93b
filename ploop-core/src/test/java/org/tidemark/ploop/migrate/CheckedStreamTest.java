package org.tidemark.ploop.migrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

@Timeout(120)
class CheckedStreamTest {
    private static final int PART = 64 * 1024;
    private static final CheckedStreamSink.Settings SETTINGS =
            new CheckedStreamSink.Settings(1, Duration.ofSeconds(30));

    @TempDir
    private Path folder;

    private final List<Thread> receivers = new ArrayList<>();

    /** What happens to the bytes on their way to the receiver. */
    private interface Harm {
        /** Returns false to cut the connection here. */
        boolean pass(byte[] bytes, long soFar);
    }

    /** A receiver in a thread of its own, behind pipes. */
    private CheckedStreamSink.Connection connect(Path file, Harm harm) throws IOException {
        Pipe there = Pipe.open();
        Pipe back = Pipe.open();
        Thread receiver = new Thread(() -> {
            try (ReadableByteChannel in = there.source();
                    WritableByteChannel out = back.sink()) {
                new CheckedStreamReceiver(in, out).receive(file, ByteBuffer.allocate(0));
            } catch (IOException e) {
                // The sender hears of it.
            }
        });
        receiver.start();
        receivers.add(receiver);
        return new CheckedStreamSink.Connection() {
            private long soFar;

            @Override
            public WritableByteChannel out() {
                return new WritableByteChannel() {
                    @Override
                    public int write(ByteBuffer src) throws IOException {
                        byte[] bytes = new byte[src.remaining()];
                        src.get(bytes);
                        soFar += bytes.length;
                        if (!harm.pass(bytes, soFar)) {
                            there.sink().close();
                            throw new IOException("cut");
                        }
                        ByteBuffer rest = ByteBuffer.wrap(bytes);
                        while (rest.hasRemaining()) {
                            there.sink().write(rest);
                        }
                        return bytes.length;
                    }

                    @Override
                    public boolean isOpen() {
                        return there.sink().isOpen();
                    }

                    @Override
                    public void close() {}
                };
            }

            @Override
            public ReadableByteChannel in() {
                return back.source();
            }

            @Override
            public void close() throws IOException {
                there.sink().close();
                back.source().close();
                try {
                    receiver.join(TimeUnit.SECONDS.toMillis(20));
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        };
    }

    private static ImageIo file(Random random, int parts) throws IOException {
        ImageIo file = new SimulatedDisk().create("root.hds");
        AlignedBuffer data = AlignedBuffer.allocate(PART);
        for (int part = 0; part < parts; part++) {
            data.zero(0, PART);
            if (random.nextInt(4) != 0) {
                for (int at = 0; at < PART; at += 8) {
                    data.putLong(at, random.nextBoolean() ? random.nextLong() : 7);
                }
            }
            file.write((long) part * PART, data, 0, PART);
        }
        return file;
    }

    private static byte[] content(ImageIo file) throws IOException {
        AlignedBuffer all = AlignedBuffer.allocate((int) file.size());
        file.read(0, all, 0, (int) file.size());
        byte[] bytes = new byte[(int) file.size()];
        all.bytes().duplicate().position(0).get(bytes);
        return bytes;
    }

    private void copy(ImageIo file, CheckedStreamSink sink) throws IOException {
        AlignedBuffer part = AlignedBuffer.allocate(PART);
        for (long at = 0; at < file.size(); at += PART) {
            file.read(at, part, 0, PART);
            sink.put(at, part, 0, PART);
            if (at % (5 * PART) == 0) {
                sink.sync();
            }
        }
        part.zero(0, 512);
        part.putInt(0, 99);
        sink.putHeader(part, 512);
        sink.finish(file.size());
    }

    private static byte[] withHeader(byte[] content) {
        for (int at = 0; at < 512; at++) {
            content[at] = (byte) (at == 0 ? 99 : 0);
        }
        return content;
    }

    @Test
    void cutAnywhereItGoesOnAndTheFileIsTheSame() throws Exception {
        int cuts = 0;
        for (long seed : Seeds.of(40).toArray()) {
            Random random = new Random(seed);
            ImageIo file = file(random, 30);
            Path to = folder.resolve("copy-" + seed);
            CheckedStreamSink.Connector connector = () -> {
                long until = random.nextInt(3) == 0 ? Long.MAX_VALUE : 1_000 + random.nextInt(12 * PART);
                return connect(to, (bytes, soFar) -> soFar < until);
            };
            try (CheckedStreamSink sink = new CheckedStreamSink(connector, file, SETTINGS, new UUID(1, seed))) {
                copy(file, sink);
                cuts += sink.cuts();
            }
            assertThat(Files.readAllBytes(to)).as("seed %d", seed).isEqualTo(withHeader(content(file)));
            Files.delete(to);
            assertThat(folder).isEmptyDirectory();
        }
        System.out.println(cuts + " cuts");
        assertThat(cuts).isGreaterThan(20);
    }

    @Test
    void everyFlippedBitIsNoticedAndTheFileIsTheSame() throws Exception {
        int flipped = 0;
        for (long seed : Seeds.of(40).toArray()) {
            Random random = new Random(seed);
            ImageIo file = file(random, 10);
            Path to = folder.resolve("copy-" + seed);
            boolean[] done = {false};
            long where = 100 + random.nextInt(3 * PART);
            CheckedStreamSink.Connector connector = () -> connect(to, (bytes, soFar) -> {
                if (!done[0] && soFar > where && bytes.length > 0) {
                    bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
                    done[0] = true;
                }
                return true;
            });
            try (CheckedStreamSink sink = new CheckedStreamSink(connector, file, SETTINGS, new UUID(2, seed))) {
                copy(file, sink);
            }
            flipped += done[0] ? 1 : 0;
            assertThat(Files.readAllBytes(to)).as("seed %d", seed).isEqualTo(withHeader(content(file)));
        }
        assertThat(flipped).isGreaterThan(30);
    }

    @Test
    void anotherCopyDoesNotGoOnWithWhatIsThere() throws Exception {
        ImageIo one = file(new Random(1), 8);
        ImageIo other = file(new Random(2), 4);
        Path to = folder.resolve("copy");
        CheckedStreamSink first =
                new CheckedStreamSink(() -> connect(to, (bytes, soFar) -> true), one, SETTINGS, new UUID(3, 1));
        AlignedBuffer part = AlignedBuffer.allocate(PART);
        for (long at = 0; at < one.size(); at += PART) {
            one.read(at, part, 0, PART);
            first.put(at, part, 0, PART);
        }
        first.sync();
        first.close();
        assertThat(to).doesNotExist();
        try (CheckedStreamSink second =
                new CheckedStreamSink(() -> connect(to, (bytes, soFar) -> true), other, SETTINGS, new UUID(3, 2))) {
            copy(other, second);
        }
        assertThat(Files.readAllBytes(to)).isEqualTo(withHeader(content(other)));
    }

    @Test
    void aReceiverThatCannotSaysWhyAndNobodyTriesAgain() throws Exception {
        ImageIo file = file(new Random(1), 2);
        Path there = Files.writeString(folder.resolve("copy"), "mine");
        long begun = System.nanoTime();
        assertThatThrownBy(() -> new CheckedStreamSink(
                        () -> connect(there, (bytes, soFar) -> true), file, SETTINGS, new UUID(4, 1)))
                .isInstanceOf(StreamException.class)
                .hasMessageContaining("there is such a file");
        assertThat(System.nanoTime() - begun).isLessThan(TimeUnit.SECONDS.toNanos(15));
        assertThat(there).hasContent("mine");
    }
}
