package org.tidemark.ploop.migrate;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * Receives one connection of the checked stream, see {@link CheckedFrame}. When it is cut off, what is durable stays under the
 * partial name, with a note of which copy it belongs to: a receiver of the next connection of that copy goes on with it, and one
 * of another copy begins anew.
 *
 * <pre>
 *   SYNC: fdatasync of the file | note with the number of the sync: written, fsync, renamed | answered
 * </pre>
 */
public final class CheckedStreamReceiver {
    private static final int IDENTITY_BYTES = 16;

    private final ReadableByteChannel in;
    private final WritableByteChannel out;
    private final CheckedFrame incoming = new CheckedFrame();
    private final CheckedFrame outgoing = new CheckedFrame();
    private final AlignedBuffer data;

    public CheckedStreamReceiver(ReadableByteChannel in, WritableByteChannel out) {
        this.in = in;
        this.out = out;
        this.data = AlignedBuffer.over(incoming.content());
    }

    /** Whether these four bytes are how such a stream begins. */
    public static boolean begins(int firstLittleEndian) {
        return firstLittleEndian == CheckedFrame.MAGIC;
    }

    /**
     * Receives until the copy is whole, durable and under its name.
     *
     * @param begun bytes that were read from the channel already
     * @return how long the file is
     * @throws StreamException CUT: what came until then is kept for the next connection; DAMAGED: as well, since another one may
     *     bring it undamaged
     */
    public long receive(Path file, ByteBuffer begun) throws IOException {
        // The sender listens from then on.
        UUID identity = hello(begun);
        try (PartialFile partial = PartialFile.at(file)) {
            try {
                return receive(partial, identity);
            } catch (StreamException e) {
                partial.keep();
                throw e;
            }
        } catch (StreamException e) {
            throw e;
        } catch (IOException e) {
            sayWhy(e);
            throw e;
        }
    }

    private void sayWhy(IOException failure) {
        String why = failure.getMessage() == null ? failure.toString() : failure.getMessage();
        byte[] text = why.getBytes(StandardCharsets.UTF_8);
        int length = Math.min(text.length, 4096);
        try {
            outgoing.write(
                    out,
                    CheckedFrame.Type.FAILED,
                    0,
                    Wire.buffer(length).put(text, 0, length).flip(),
                    0);
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    private long receive(PartialFile partial, UUID identity) throws IOException {
        requireVersion();
        Note note = Note.read(partial.beside());
        if (!note.identity().equals(identity)) {
            partial.truncate(0);
            note = new Note(identity, 0);
            note.write(partial.beside());
        }
        outgoing.write(out, CheckedFrame.Type.READY, note.sync());
        while (true) {
            incoming.read(in);
            long number = incoming.number();
            switch (incoming.type()) {
                case DATA -> put(partial, number);
                case ZEROS -> zero(partial, number);
                case SYNC -> {
                    partial.sync();
                    new Note(identity, number).write(partial.beside());
                    outgoing.write(out, CheckedFrame.Type.SYNCED, number);
                }
                case FINISH -> {
                    requireInside(number, 0);
                    partial.truncate(number);
                    partial.finish();
                    outgoing.write(out, CheckedFrame.Type.FINISHED, number);
                    return number;
                }
                default -> throw damaged("it says " + incoming.type());
            }
        }
    }

    private UUID hello(ByteBuffer begun) throws IOException {
        incoming.read(in, begun);
        ByteBuffer content = incoming.content();
        if (incoming.type() != CheckedFrame.Type.HELLO || content.remaining() != IDENTITY_BYTES) {
            throw damaged("it does not begin with HELLO");
        }
        ByteBuffer big = content.duplicate().order(java.nio.ByteOrder.BIG_ENDIAN);
        return new UUID(big.getLong(0), big.getLong(8));
    }

    private void requireVersion() throws IOException {
        if (incoming.number() != CheckedFrame.VERSION) {
            throw new IOException(
                    "the sender speaks version " + incoming.number() + " of the stream of copies, this is "
                            + CheckedFrame.VERSION + "; install the same version on both sides");
        }
    }

    private void put(PartialFile partial, long position) throws IOException {
        int length = incoming.content().remaining();
        requireInside(position, length);
        partial.write(position, data, 0, length);
    }

    private void zero(PartialFile partial, long position) throws IOException {
        if (incoming.content().remaining() != Long.BYTES) {
            throw damaged("zeros without a length");
        }
        long length = incoming.content().getLong(0);
        requireInside(position, length);
        if (length > 0) {
            partial.zero(position, length);
        }
    }

    private static void requireInside(long position, long length) throws StreamException {
        if (position < 0
                || length < 0
                || length > PloopStreamReceiver.MAX_FILE_BYTES
                || position > PloopStreamReceiver.MAX_FILE_BYTES - length) {
            throw damaged(length + " bytes at " + position + " are of no image");
        }
    }

    private static StreamException damaged(String what) {
        return new StreamException(StreamException.Kind.DAMAGED, "the stream is not what it should be: " + what);
    }

    /** Which copy a partial file belongs to, and the last sync of it. */
    private record Note(UUID identity, long sync) {
        private static final Note NONE = new Note(new UUID(0, 0), 0);

        static Note read(Path file) throws IOException {
            if (!Files.exists(file)) {
                return NONE;
            }
            String[] words =
                    Files.readString(file, StandardCharsets.US_ASCII).strip().split(" ");
            try {
                return new Note(UUID.fromString(words[0]), Long.parseLong(words[1]));
            } catch (RuntimeException e) {
                return NONE;
            }
        }

        void write(Path file) throws IOException {
            Path fresh = file.resolveSibling(file.getFileName() + ".new");
            try (FileChannel channel = FileChannel.open(
                    fresh, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
                channel.write(StandardCharsets.US_ASCII.encode(identity + " " + sync + "\n"));
                channel.force(true);
            }
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
