package org.tidemark.ploop.device.attach.nbd;

import java.io.Closeable;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.os.OsException;

/**
 * A client with one connection and one request at a time; open several for more depth. Not thread-safe.
 *
 * <p>Errors of a request are {@link OsException} with the error number of the protocol and the server's words; anything else
 * ends the connection.
 */
public final class NbdClient implements Closeable {
    private static final int MAX_STATUS_BYTES = 16 << 20;

    private final SocketChannel channel;
    private final Wire wire;
    private final String exportName;
    private final List<String> contexts = new ArrayList<>();
    private final ByteBuffer request = ByteBuffer.allocateDirect(Nbd.REQUEST_BYTES);
    private final ByteBuffer reply = ByteBuffer.allocateDirect(32);
    private long sizeBytes;
    private int transmissionFlags;
    private long nextHandle = 1;

    private NbdClient(SocketChannel channel, String exportName) {
        this.channel = channel;
        this.wire = new Wire(channel);
        this.exportName = exportName;
    }

    /**
     * Connects to an export.
     *
     * @param wantedContexts meta contexts to select, for instance {@code base:allocation}; those that the server has not are
     *     absent from {@link #contexts}
     */
    public static NbdClient connect(Path socket, String exportName, List<String> wantedContexts) throws IOException {
        SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        NbdClient client = new NbdClient(channel, exportName);
        boolean done = false;
        try {
            client.negotiate(wantedContexts);
            done = true;
            return client;
        } finally {
            if (!done) {
                channel.close();
            }
        }
    }

    public long sizeBytes() {
        return sizeBytes;
    }

    public boolean readOnly() {
        return (transmissionFlags & Nbd.TRANSMIT_READ_ONLY) != 0;
    }

    /** The selected contexts. */
    public List<String> contexts() {
        return List.copyOf(contexts);
    }

    private void negotiate(List<String> wantedContexts) throws IOException {
        ByteBuffer hello = wire.read(18);
        if (hello.getLong() != Nbd.INIT_MAGIC || hello.getLong() != Nbd.OPTION_MAGIC) {
            throw new IOException("what listens there is not an NBD server");
        }
        wire.write(ByteBuffer.allocate(4)
                .putInt(Nbd.FLAG_FIXED_NEWSTYLE | Nbd.FLAG_NO_ZEROES)
                .flip());
        option(Nbd.OPT_STRUCTURED_REPLY, ByteBuffer.allocate(0));
        readOptionReplies(Nbd.OPT_STRUCTURED_REPLY);
        byte[] name = Wire.utf8(exportName);
        if (!wantedContexts.isEmpty()) {
            ByteBuffer query = ByteBuffer.allocate(8
                            + name.length
                            + wantedContexts.stream()
                                    .mapToInt(c -> 4 + Wire.utf8(c).length)
                                    .sum())
                    .putInt(name.length)
                    .put(name)
                    .putInt(wantedContexts.size());
            for (String context : wantedContexts) {
                byte[] words = Wire.utf8(context);
                query.putInt(words.length).put(words);
            }
            option(Nbd.OPT_SET_META_CONTEXT, query.flip());
            readOptionReplies(Nbd.OPT_SET_META_CONTEXT);
        }
        option(
                Nbd.OPT_GO,
                ByteBuffer.allocate(6 + name.length)
                        .putInt(name.length)
                        .put(name)
                        .putShort((short) 0)
                        .flip());
        readOptionReplies(Nbd.OPT_GO);
    }

    private void option(int option, ByteBuffer data) throws IOException {
        ByteBuffer head = ByteBuffer.allocate(16)
                .putLong(Nbd.OPTION_MAGIC)
                .putInt(option)
                .putInt(data.remaining())
                .flip();
        wire.write(head);
        wire.write(data);
    }

    private void readOptionReplies(int option) throws IOException {
        while (true) {
            ByteBuffer head = wire.read(20);
            if (head.getLong() != Nbd.OPTION_REPLY_MAGIC || head.getInt() != option) {
                throw new IOException("the NBD server's answer to option " + option + " makes no sense");
            }
            int type = head.getInt();
            int length = head.getInt();
            if (length < 0 || length > Nbd.MAX_OPTION_BYTES) {
                throw new IOException("the NBD server sent an answer of " + length + " bytes");
            }
            ByteBuffer data = wire.read(length);
            if (type == Nbd.REP_ACK) {
                return;
            }
            if (type < 0) {
                throw new IOException("the NBD server refused export '" + exportName + "': " + Wire.utf8(data, length));
            }
            if (type == Nbd.REP_META_CONTEXT && option == Nbd.OPT_SET_META_CONTEXT) {
                int id = data.getInt();
                while (contexts.size() <= id && contexts.size() < 64) {
                    contexts.add("");
                }
                contexts.set(id, Wire.utf8(data, length - 4));
            }
            if (type == Nbd.REP_INFO && data.getShort() == Nbd.INFO_EXPORT) {
                sizeBytes = data.getLong();
                transmissionFlags = data.getShort();
            }
        }
    }

    /** Fills {@code dst} from its position to its limit; the position ends at the limit. */
    public void read(long offsetBytes, ByteBuffer dst) throws IOException {
        int length = dst.remaining();
        int start = dst.position();
        send(Nbd.CMD_READ, 0, offsetBytes, length);
        boolean last = false;
        while (!last) {
            wire.readFully(reply.clear().limit(20));
            last = (structuredFlags() & Nbd.REPLY_FLAG_DONE) != 0;
            int type = reply.getShort(6);
            int payload = reply.getInt(16);
            if (type == Nbd.REPLY_OFFSET_DATA && payload > 8 && payload - 8 <= length) {
                int at = Math.toIntExact(wire.read(8).getLong() - offsetBytes);
                wire.readFully(dst.limit(start + at + payload - 8).position(start + at));
            } else if (type == Nbd.REPLY_OFFSET_HOLE) {
                ByteBuffer hole = wire.read(12);
                int at = Math.toIntExact(hole.getLong() - offsetBytes);
                int bytes = hole.getInt();
                for (int i = 0; i < bytes; i++) {
                    dst.put(start + at + i, (byte) 0);
                }
            } else if (type != Nbd.REPLY_NONE) {
                throw failed("read", type & 0xFFFF, payload);
            }
        }
        dst.limit(start + length).position(start + length);
    }

    /** Writes what lies between position and limit. */
    public void write(long offsetBytes, ByteBuffer src) throws IOException {
        request(Nbd.CMD_WRITE, 0, offsetBytes, src.remaining());
        wire.write(request, src);
        simpleAnswer("write");
    }

    public void flush() throws IOException {
        send(Nbd.CMD_FLUSH, 0, 0, 0);
        simpleAnswer("flush");
    }

    /** On a view: nothing of this range is needed any more. */
    public void trim(long offsetBytes, long lengthBytes) throws IOException {
        send(Nbd.CMD_TRIM, 0, offsetBytes, (int) lengthBytes);
        simpleAnswer("trim");
    }

    /** The range reads as zeros afterwards. */
    public void writeZeroes(long offsetBytes, long lengthBytes) throws IOException {
        send(Nbd.CMD_WRITE_ZEROES, 0, offsetBytes, (int) lengthBytes);
        simpleAnswer("write zeroes");
    }

    /**
     * Visits the state of a range in one of the selected contexts, extents in ascending order.
     *
     * @param lengthBytes at most 2 GiB
     */
    public void blockStatus(String context, long offsetBytes, long lengthBytes, StatusVisitor visitor)
            throws IOException {
        int id = contexts.indexOf(context);
        if (id < 0) {
            throw new IllegalArgumentException("context " + context + " was not selected");
        }
        long at = offsetBytes;
        long end = offsetBytes + lengthBytes;
        while (at < end) {
            send(Nbd.CMD_BLOCK_STATUS, 0, at, (int) Math.min(end - at, 1L << 31));
            at = readStatus(id, at, end, visitor);
        }
    }

    private long readStatus(int id, long from, long end, StatusVisitor visitor) throws IOException {
        long at = from;
        boolean last = false;
        while (!last) {
            wire.readFully(reply.clear().limit(20));
            last = (structuredFlags() & Nbd.REPLY_FLAG_DONE) != 0;
            int type = reply.getShort(6);
            int payload = reply.getInt(16);
            if (type != Nbd.REPLY_BLOCK_STATUS || payload < 12 || payload > MAX_STATUS_BYTES) {
                throw failed("block status", type & 0xFFFF, payload);
            }
            ByteBuffer body = wire.read(payload);
            if (body.getInt() != id) {
                continue;
            }
            while (body.remaining() >= 8 && at < end) {
                long bytes = Math.min(body.getInt() & 0xFFFFFFFFL, end - at);
                visitor.extent(at, bytes, body.getInt());
                at += bytes;
            }
        }
        if (at == from) {
            throw new IOException("the NBD server's block status does not move on");
        }
        return at;
    }

    private int structuredFlags() throws IOException {
        if (reply.getInt(0) != Nbd.STRUCTURED_REPLY_MAGIC || reply.getLong(8) != nextHandle - 1) {
            throw new IOException("the NBD server's answer does not belong to the request");
        }
        return reply.getShort(4);
    }

    private IOException failed(String what, int type, int payload) throws IOException {
        if (type < 0x8000 || payload < 6 || payload > Nbd.MAX_OPTION_BYTES) {
            return new IOException("the NBD server sent a reply of type " + type + " to a " + what);
        }
        ByteBuffer body = wire.read(payload);
        int error = body.getInt();
        int words = Math.min(body.getShort() & 0xFFFF, body.remaining());
        return new OsException(what, exportName + " (" + Wire.utf8(body, words) + ")", error);
    }

    private void simpleAnswer(String what) throws IOException {
        wire.readFully(reply.clear().limit(16));
        if (reply.getInt(0) != Nbd.SIMPLE_REPLY_MAGIC || reply.getLong(8) != nextHandle - 1) {
            throw new IOException("the NBD server's answer does not belong to the request");
        }
        if (reply.getInt(4) != 0) {
            throw new OsException(what, exportName, reply.getInt(4));
        }
    }

    private void send(int command, int flags, long offsetBytes, int lengthBytes) throws IOException {
        request(command, flags, offsetBytes, lengthBytes);
        wire.write(request);
    }

    private void request(int command, int flags, long offsetBytes, int lengthBytes) {
        request.clear()
                .putInt(Nbd.REQUEST_MAGIC)
                .putShort((short) flags)
                .putShort((short) command)
                .putLong(nextHandle++)
                .putLong(offsetBytes)
                .putInt(lengthBytes)
                .flip();
    }

    /** Says good-bye and closes. */
    @Override
    public void close() throws IOException {
        try {
            send(Nbd.CMD_DISCONNECT, 0, 0, 0);
        } catch (IOException e) {
            // The connection is gone already; closing is all that is left.
            System.getLogger(NbdClient.class.getName()).log(System.Logger.Level.DEBUG, e.getMessage());
        } finally {
            channel.close();
        }
    }

    /** Receives one extent and its state. */
    @FunctionalInterface
    public interface StatusVisitor {
        void extent(long offsetBytes, long lengthBytes, int state);
    }
}
