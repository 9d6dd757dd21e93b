package org.tidemark.ploop.migrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tidemark.ploop.io.AlignedBuffer;

/** The packets of ploop-reference 5.3, written out by hand where they are received. */
class PloopStreamTest {
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    @TempDir
    private Path folder;

    private static byte[] packet(int marker, int size, long position, byte... data) {
        ByteBuffer bytes = ByteBuffer.allocate(16 + data.length).order(ByteOrder.LITTLE_ENDIAN);
        return bytes.putInt(marker).putInt(size).putLong(position).put(data).array();
    }

    private static byte[] join(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    private static final int MARK = 0x4cc0ac3d;
    private static final byte[] END = packet(MARK, 0, 0);

    private static byte[] eight(int value) {
        byte[] bytes = new byte[8];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    private String receive(Path file, byte[] stream) throws IOException {
        ByteArrayOutputStream feedback = new ByteArrayOutputStream();
        try {
            new PloopStreamReceiver(
                            Channels.newChannel(new ByteArrayInputStream(stream)), Channels.newChannel(feedback))
                    .receive(file, NOTHING.duplicate());
        } catch (IOException e) {
            assertThat(feedback.toString(StandardCharsets.US_ASCII)).endsWith("FAILURE\n");
            throw e;
        }
        return feedback.toString(StandardCharsets.US_ASCII);
    }

    private void refused(StreamException.Kind kind, byte[] stream) {
        assertThatThrownBy(() -> receive(folder.resolve("new"), stream))
                .isInstanceOfSatisfying(
                        StreamException.class, e -> assertThat(e.kind()).isEqualTo(kind));
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void whatComesIsInTheFileThatAppearsAtTheEnd() throws Exception {
        byte[] sync = packet(MARK, 4, 0, new byte[4]);
        byte[] stream = join(
                packet(MARK, 8, 8, eight(1)),
                packet(MARK, 8, 0, eight(2)),
                sync,
                packet(MARK, 8, 8, eight(3)),
                sync,
                END);
        Path file = folder.resolve("new");
        assertThat(receive(file, stream)).isEqualTo("SUCCESS\nSUCCESS\n");
        assertThat(Files.readAllBytes(file)).isEqualTo(join(eight(2), eight(3)));
        assertThat(folder).isDirectoryNotContaining(path -> !path.equals(file));
    }

    @Test
    void aStreamThatIsCutOffAnywhereLeavesNoFile() {
        byte[] stream = join(packet(MARK, 8, 0, eight(1)), packet(MARK, 4, 0, new byte[4]), END);
        for (int length = 0; length < stream.length; length++) {
            refused(StreamException.Kind.CUT, Arrays.copyOf(stream, length));
        }
    }

    @Test
    void packetsThatCannotBeAreRefused() {
        byte[] good = packet(MARK, 8, 0, eight(1));
        refused(StreamException.Kind.DAMAGED, join(good, packet(MARK + 1, 8, 8, eight(1)), END));
        refused(StreamException.Kind.DAMAGED, join(good, packet(MARK, -1, 8, eight(1)), END));
        refused(StreamException.Kind.DAMAGED, join(good, packet(MARK, (64 << 20) + 1, 8, eight(1)), END));
        refused(StreamException.Kind.DAMAGED, join(good, packet(MARK, 8, -8, eight(1)), END));
        refused(StreamException.Kind.DAMAGED, join(good, packet(MARK, 8, Long.MAX_VALUE - 4, eight(1)), END));
        refused(StreamException.Kind.DAMAGED, END);
    }

    @Test
    void aFileThatIsThereStaysWhatItIs() throws Exception {
        Path file = Files.writeString(folder.resolve("old"), "mine");
        assertThatThrownBy(() -> receive(file, join(packet(MARK, 8, 0, eight(1)), END)))
                .isInstanceOf(FileAlreadyExistsException.class);
        assertThat(file).hasContent("mine");
    }

    @Test
    void theSenderSaysWhatTheReceiverUnderstands() throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] answers = "SUCCESS\nSUCCESS\n".getBytes(StandardCharsets.US_ASCII);
        PloopStreamSink sink =
                new PloopStreamSink(Channels.newChannel(out), Channels.newChannel(new ByteArrayInputStream(answers)));
        AlignedBuffer data = AlignedBuffer.allocate(4096);
        new Random(1).ints(512).forEach(value -> data.putInt(Math.floorMod(value, 1000) * 4, value));
        sink.put(4096, data, 0, 4096);
        sink.sync();
        sink.put(0, data, 512, 512);
        sink.finish(8192);
        byte[] bytes = out.toByteArray();
        assertThat(sink.sentBytes()).isEqualTo(bytes.length);
        assertThat(Arrays.copyOf(bytes, 16)).isEqualTo(packet(MARK, 4096, 4096));
        assertThat(Arrays.copyOfRange(bytes, bytes.length - 16, bytes.length)).isEqualTo(END);
        Path file = folder.resolve("new");
        assertThat(receive(file, bytes)).isEqualTo("SUCCESS\nSUCCESS\n");
        byte[] expected = new byte[4096];
        data.bytes().duplicate().get(expected);
        byte[] found = Files.readAllBytes(file);
        assertThat(Arrays.copyOfRange(found, 4096, 8192)).isEqualTo(expected);
        assertThat(Arrays.copyOf(found, 512)).isEqualTo(Arrays.copyOfRange(expected, 512, 1024));
    }

    @Test
    void aReceiverThatFailsIsHeard() {
        PloopStreamSink sink = new PloopStreamSink(
                Channels.newChannel(new ByteArrayOutputStream()),
                Channels.newChannel(new ByteArrayInputStream("FAILURE\n".getBytes(StandardCharsets.US_ASCII))));
        assertThatThrownBy(sink::sync).isInstanceOfSatisfying(StreamException.class, e -> assertThat(e.kind())
                .isEqualTo(StreamException.Kind.REFUSED));
    }
}
