package org.tidemark.ploop.migrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.device.tracker.ImageRange;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.sim.SimulatedDisk;
import org.tidemark.ploop.testing.Seeds;

class LiveCopyTest {
    private static final int BLOCK = 4096;
    private static final int BLOCKS = 700;
    private static final CopyLimits EAGER = new CopyLimits(6, Duration.ofMinutes(1), Duration.ZERO, false, 0);

    @TempDir
    private Path folder;

    private final AlignedBuffer buffer = AlignedBuffer.allocate(64 * BLOCK);

    private static ImageIo filled(Random random) throws IOException {
        ImageIo file = new SimulatedDisk().create("root.hds");
        AlignedBuffer data = AlignedBuffer.allocate(BLOCK);
        for (int block = 0; block < BLOCKS; block += 1 + random.nextInt(3)) {
            random.ints(BLOCK / 4).forEach(new java.util.function.IntConsumer() {
                private int at;

                @Override
                public void accept(int value) {
                    data.putInt(at, value);
                    at += 4;
                }
            });
            file.write((long) block * BLOCK, data, 0, BLOCK);
        }
        return file;
    }

    /** Writes, punches, and makes the file longer now and then. */
    private CopiedFile.Writer writer(Random random, int inHowMany) {
        return file -> {
            if (random.nextInt(inHowMany) != 0) {
                return;
            }
            long at = random.nextInt(BLOCKS + 40) * (long) BLOCK + random.nextInt(3) * 512L;
            int length = 512 * (1 + random.nextInt(20));
            if (random.nextInt(4) == 0) {
                file.punchHole(at, length);
            } else {
                buffer.putLong(0, random.nextLong());
                buffer.putLong(length - 8, random.nextLong());
                file.write(at, buffer, 0, length);
            }
        };
    }

    private static byte[] content(ImageIo file) throws IOException {
        byte[] bytes = new byte[(int) file.size()];
        AlignedBuffer part = AlignedBuffer.allocate(1 << 20);
        for (int at = 0; at < bytes.length; at += 1 << 20) {
            int length = Math.min(1 << 20, bytes.length - at);
            file.read(at, part, 0, length);
            part.bytes().duplicate().position(0).get(bytes, at, length);
        }
        return bytes;
    }

    @Test
    void theCopyIsWhatTheFileWasInThePauseWhateverWasWrittenWhile() throws Exception {
        for (long seed : Seeds.of(100).toArray()) {
            Seeds.replayable(LiveCopyTest.class, seed, random -> {
                ImageIo file = filled(random);
                CopiedFile source = new CopiedFile(file, writer(random, 2), writer(random, 2));
                Path to = folder.resolve("copy-" + seed);
                LiveCopy.Outcome outcome;
                try (FileSink sink = FileSink.create(to)) {
                    outcome = new LiveCopy(source, sink, EAGER, CopyProgress.NONE).run();
                }
                assertThat(Files.readAllBytes(to)).isEqualTo(content(file));
                assertThat(outcome.rounds()).hasSizeBetween(2, 8);
                Files.delete(to);
            });
        }
    }

    /** A source that clears after the reading, as one version of the original does. */
    @Test
    void clearingAfterReadingWouldLoseWrites() throws Exception {
        int lost = 0;
        for (long seed : Seeds.of(50).toArray()) {
            Random random = new Random(seed);
            ImageIo file = filled(random);
            List<ImageRange> late = new ArrayList<>();
            CopiedFile source = new CopiedFile(file, io -> {}, writer(random, 2));
            CopySource wrong = new ForwardingSource(source) {
                @Override
                public void clear(ImageRange range) throws IOException {
                    for (ImageRange one : late) {
                        source.clear(one);
                    }
                    late.clear();
                    late.add(range);
                }

                @Override
                public List<ImageRange> take() throws IOException {
                    for (ImageRange one : late) {
                        source.clear(one);
                    }
                    late.clear();
                    return source.take();
                }
            };
            Path to = folder.resolve("wrong-" + seed);
            try (FileSink sink = FileSink.create(to)) {
                new LiveCopy(wrong, sink, EAGER, CopyProgress.NONE).run();
            }
            lost += java.util.Arrays.equals(Files.readAllBytes(to), content(file)) ? 0 : 1;
        }
        assertThat(lost).isGreaterThan(25);
    }

    @Test
    void stopsGoingRoundWhenCopyingDoesNotKeepUpAndThrottlesFirstIfItMay() throws Exception {
        Random random = new Random(1);
        ImageIo file = filled(random);
        CopiedFile source = new CopiedFile(file, io -> io.write(0, buffer, 0, 64 * BLOCK), io -> {});
        CopyLimits throttled = new CopyLimits(5, Duration.ofMinutes(1), Duration.ZERO, true, 0);
        LiveCopy.Outcome outcome;
        try (FileSink sink = FileSink.create(folder.resolve("one"))) {
            outcome = new LiveCopy(source, sink, EAGER, CopyProgress.NONE).run();
        }
        assertThat(outcome.converged()).isFalse();
        assertThat(outcome.rounds()).hasSize(3);
        assertThat(source.throttledTo).isZero();
        try (FileSink sink = FileSink.create(folder.resolve("two"))) {
            outcome = new LiveCopy(source(file), sink, throttled, CopyProgress.NONE).run();
        }
        assertThat(outcome.converged()).isFalse();
        assertThat(outcome.rounds()).hasSize(7);
        assertThat(Files.readAllBytes(folder.resolve("two"))).isEqualTo(content(file));
    }

    private CopiedFile source(ImageIo file) throws IOException {
        return new CopiedFile(file, io -> io.write(0, buffer, 0, 64 * BLOCK), io -> {});
    }

    @Test
    void whatIsCalledOffOrFailsLeavesNoFile() throws Exception {
        ImageIo file = filled(new Random(2));
        CopyProgress calledOff = new CopyProgress() {
            @Override
            public void at(State state) {}

            @Override
            public boolean cancelled() {
                return true;
            }
        };
        assertThatThrownBy(() -> {
                    try (FileSink sink = FileSink.create(folder.resolve("none"))) {
                        new LiveCopy(source(file), sink, EAGER, calledOff).run();
                    }
                })
                .isInstanceOf(InterruptedIOException.class);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aFileThatIsWrittenToInThePauseIsNoCopy() throws Exception {
        ImageIo file = filled(new Random(3));
        CopySource leaky = new ForwardingSource(source(file)) {
            @Override
            public long waitingBytes() {
                return 1;
            }
        };
        assertThatThrownBy(() -> {
                    try (FileSink sink = FileSink.create(folder.resolve("none"))) {
                        new LiveCopy(leaky, sink, EAGER, CopyProgress.NONE).run();
                    }
                })
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("although nobody may");
        assertThat(folder).isEmptyDirectory();
    }
}
