package org.tidemark.ploop.migrate;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * Receives the stream of {@code ploop copy} 1.15, see {@link PloopStreamSink}. Every packet is checked before anything of it is
 * written; a stream that is wrong, or is cut off, leaves no file.
 */
public final class PloopStreamReceiver {
    /** No sender makes packets larger than a cluster, and no cluster is larger. */
    static final int MAX_PACKET_BYTES = 64 << 20;

    /** No image of any format and size is longer. */
    static final long MAX_FILE_BYTES = 1L << 46;

    private static final int FIRST_BUFFER_BYTES = 1 << 20;

    private final ReadableByteChannel in;
    private final @Nullable WritableByteChannel feedback;
    private final ByteBuffer header = Wire.buffer(PloopStreamSink.HEADER_BYTES);
    private AlignedBuffer data = AlignedBuffer.allocate(FIRST_BUFFER_BYTES);
    private long packets;

    public PloopStreamReceiver(ReadableByteChannel in, @Nullable WritableByteChannel feedback) {
        this.in = in;
        this.feedback = feedback;
    }

    /**
     * Receives into a new file, which is whole and durable on return.
     *
     * @param begun bytes that were read from the channel already
     * @return how long the file is
     * @throws StreamException DAMAGED or CUT; nothing is left of the file then, as after any other failure
     */
    public long receive(Path file, ByteBuffer begun) throws IOException {
        long end = 0;
        try (PartialFile partial = PartialFile.at(file)) {
            partial.truncate(0);
            header.clear();
            header.put(begun);
            while (readPacket()) {
                int size = header.getInt(4);
                long position = header.getLong(8);
                Wire.readAll(in, data.bytes().duplicate().clear().limit(size));
                if (size == PloopStreamSink.SYNC_BYTES) {
                    sync(partial);
                } else {
                    partial.write(position, data, 0, size);
                    end = Math.max(end, position + size);
                }
            }
            if (end == 0) {
                throw damaged("it has no data");
            }
            partial.finish();
            return end;
        } catch (IOException e) {
            tell(PloopStreamSink.FAILURE);
            throw e;
        }
    }

    /** Whether there is one; the header is checked. */
    private boolean readPacket() throws IOException {
        Wire.readAll(in, header);
        packets++;
        header.clear();
        int marker = header.getInt(0);
        int size = header.getInt(4);
        long position = header.getLong(8);
        if (marker != PloopStreamSink.MARKER) {
            throw damaged("packet " + packets + " begins with " + Integer.toHexString(marker)
                    + ", which is not the mark of this stream");
        }
        if (size == 0) {
            return false;
        }
        if (size < 0 || size > MAX_PACKET_BYTES) {
            throw damaged("packet " + packets + " says that it has " + Integer.toUnsignedString(size) + " bytes");
        }
        if (position < 0 || position > MAX_FILE_BYTES - size) {
            throw damaged("packet " + packets + " belongs at byte " + Long.toUnsignedString(position)
                    + ", where no image has any");
        }
        if (size > data.capacity()) {
            data = AlignedBuffer.allocate(size);
        }
        return true;
    }

    private void sync(PartialFile partial) throws IOException {
        partial.sync();
        tell(PloopStreamSink.SUCCESS);
    }

    private void tell(byte[] answer) {
        if (feedback != null) {
            try {
                Wire.write(feedback, Wire.buffer(answer.length).put(answer).flip());
            } catch (IOException e) {
                System.getLogger(PloopStreamReceiver.class.getName())
                        .log(System.Logger.Level.DEBUG, "the sender does not listen any more", e);
            }
        }
    }

    private static StreamException damaged(String what) {
        return new StreamException(
                StreamException.Kind.DAMAGED, "this is no stream of ploop copy, or it is damaged: " + what);
    }
}
