package org.tidemark.ploop.device.attach.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;

/** One thread of a connection: reads a request, does it, answers it. */
final class NbdWorker {
    private static final System.Logger LOG = System.getLogger(NbdWorker.class.getName());

    private final NbdExport export;
    private final BlockDevice device;
    private final boolean structured;
    private final List<String> contexts;
    private final Wire wire;
    private final ReentrantLock reading;
    private final ReentrantLock writing;
    private final AlignedBuffer data = AlignedBuffer.allocate(Nbd.BUFFER_BYTES);
    private final ByteBuffer dataOut = data.bytes().duplicate();
    private final ByteBuffer request = NbdConnection.buffer(Nbd.REQUEST_BYTES);
    private final ByteBuffer header = NbdConnection.buffer(32);
    private final StatusCollector status;

    private int flags;
    private int type;
    private long handle;
    private long offset;
    private int length;
    private boolean disconnected;

    NbdWorker(ServerHandshake.Agreed agreed, Wire wire, ReentrantLock reading, ReentrantLock writing) {
        this.export = agreed.export();
        this.device = export.device();
        this.structured = agreed.structured();
        this.contexts = agreed.contexts();
        this.wire = wire;
        this.reading = reading;
        this.writing = writing;
        this.status = new StatusCollector(export);
    }

    void run() throws IOException {
        while (!disconnected) {
            IOException failure = readAndWrite();
            if (disconnected) {
                return;
            }
            if (failure != null) {
                replyError(failure);
            } else if (type != Nbd.CMD_WRITE) {
                serve();
            } else {
                replyDone();
            }
        }
    }

    /** Reads a request; a write is done here too, piece by piece where it is larger than the buffer. */
    private @org.jspecify.annotations.Nullable IOException readAndWrite() throws IOException {
        reading.lock();
        try {
            if (!readRequest()) {
                disconnected = true;
                return null;
            }
            if (type != Nbd.CMD_WRITE) {
                return null;
            }
            if (length <= Nbd.BUFFER_BYTES) {
                readPayload(length);
            } else {
                return writeLarge();
            }
        } finally {
            reading.unlock();
        }
        try {
            checkChange();
            device.write(offset, data, 0, length);
            finishWrite();
            return null;
        } catch (IOException e) {
            return e;
        }
    }

    private @org.jspecify.annotations.Nullable IOException writeLarge() throws IOException {
        IOException failure = null;
        for (int done = 0; done < length; ) {
            int piece = Math.min(Nbd.BUFFER_BYTES, length - done);
            readPayload(piece);
            if (failure == null) {
                try {
                    checkChange();
                    device.write(offset + done, data, 0, piece);
                } catch (IOException e) {
                    failure = e;
                }
            }
            done += piece;
        }
        if (failure == null) {
            try {
                finishWrite();
            } catch (IOException e) {
                return e;
            }
        }
        return failure;
    }

    private void finishWrite() throws IOException {
        if ((flags & Nbd.CMD_FLAG_FUA) != 0) {
            device.flush();
        }
    }

    private void readPayload(int bytes) throws IOException {
        wire.readFully(dataOut.clear().limit(bytes));
    }

    private boolean readRequest() throws IOException {
        wire.readFully(request.clear());
        if (request.getInt() != Nbd.REQUEST_MAGIC) {
            throw new IOException("the NBD client sent something that is not a request");
        }
        flags = request.getShort();
        type = request.getShort();
        handle = request.getLong();
        offset = request.getLong();
        length = request.getInt();
        if (type == Nbd.CMD_WRITE && (length < 0 || length > Nbd.MAX_REQUEST_BYTES)) {
            throw new IOException("the NBD client sent a write of " + Integer.toUnsignedString(length) + " bytes");
        }
        return type != Nbd.CMD_DISCONNECT;
    }

    private void serve() throws IOException {
        try {
            switch (type) {
                case Nbd.CMD_READ -> {
                    checkRange(Nbd.MAX_REQUEST_BYTES);
                    read();
                    return;
                }
                case Nbd.CMD_FLUSH -> device.flush();
                case Nbd.CMD_TRIM -> {
                    if (!export.takesTrim()) {
                        checkChange();
                    }
                    checkRange(0xFFFFFFFFL);
                    device.discard(offset, length & 0xFFFFFFFFL);
                    finishWrite();
                }
                case Nbd.CMD_WRITE_ZEROES -> {
                    checkChange();
                    checkRange(0xFFFFFFFFL);
                    device.writeZeroes(offset, length & 0xFFFFFFFFL);
                    finishWrite();
                }
                case Nbd.CMD_BLOCK_STATUS -> {
                    checkRange(0xFFFFFFFFL);
                    blockStatus();
                    return;
                }
                default -> throw new OsException("NBD command " + type, export.name(), Errno.EINVAL);
            }
            replyDone();
        } catch (ClientGoneException e) {
            throw e.reason();
        } catch (IOException e) {
            replyError(e);
        }
    }

    private void checkChange() throws IOException {
        if (!device.writable()) {
            throw new OsException("changing a read-only export", export.name(), Errno.EPERM);
        }
        checkRange(Nbd.MAX_REQUEST_BYTES);
    }

    private void checkRange(long maxLength) throws IOException {
        long bytes = length & 0xFFFFFFFFL;
        int mask = device.blockSizeBytes() - 1;
        boolean limited = type == Nbd.CMD_READ || type == Nbd.CMD_WRITE;
        if (!onDisk(bytes) || (limited && bytes > maxLength) || bytes == 0 || ((offset | bytes) & mask) != 0) {
            throw new OsException(
                    "request of " + bytes + " bytes at " + Long.toUnsignedString(offset), export.name(), Errno.EINVAL);
        }
    }

    /** A client may know from elsewhere that the disk grew, and go on with its connection. */
    private boolean onDisk(long bytes) {
        return offset >= 0 && (offset <= device.sizeBytes() - bytes || offset <= device.currentSizeBytes() - bytes);
    }

    private void read() throws IOException {
        if (length <= Nbd.BUFFER_BYTES) {
            device.read(offset, data, 0, length);
            sendData(0, length, true);
            return;
        }
        if (structured) {
            for (int done = 0; done < length; ) {
                int piece = Math.min(Nbd.BUFFER_BYTES, length - done);
                device.read(offset + done, data, 0, piece);
                sendData(done, piece, done + piece == length);
                done += piece;
            }
            return;
        }
        readLargeSimple();
    }

    /** A simple reply promises success first: an error on the way can only end the connection. */
    private void readLargeSimple() throws IOException {
        device.read(offset, data, 0, Nbd.BUFFER_BYTES);
        writing.lock();
        try {
            send(simpleHeader(0), dataOut.clear().limit(Nbd.BUFFER_BYTES));
            for (int done = Nbd.BUFFER_BYTES; done < length; ) {
                int piece = Math.min(Nbd.BUFFER_BYTES, length - done);
                try {
                    device.read(offset + done, data, 0, piece);
                } catch (IOException e) {
                    throw new ClientGoneException(e);
                }
                send(header.clear().limit(0), dataOut.clear().limit(piece));
                done += piece;
            }
        } finally {
            writing.unlock();
        }
    }

    private void sendData(int from, int bytes, boolean last) throws IOException {
        writing.lock();
        try {
            if (structured) {
                structuredHeader(last ? Nbd.REPLY_FLAG_DONE : 0, Nbd.REPLY_OFFSET_DATA, 8 + bytes);
                header.putLong(offset + from).flip();
            } else {
                simpleHeader(0);
            }
            send(header, dataOut.clear().limit(bytes));
        } finally {
            writing.unlock();
        }
    }

    private void blockStatus() throws IOException {
        if (contexts.isEmpty()) {
            throw new OsException("block status without a context", export.name(), Errno.EINVAL);
        }
        boolean one = (flags & Nbd.CMD_FLAG_REQ_ONE) != 0;
        ByteBuffer[] replies = new ByteBuffer[contexts.size()];
        for (int id = 0; id < replies.length; id++) {
            replies[id] = status.collect(contexts.get(id), offset, length & 0xFFFFFFFFL, one);
        }
        writing.lock();
        try {
            for (int id = 0; id < replies.length; id++) {
                structuredHeader(
                        id == replies.length - 1 ? Nbd.REPLY_FLAG_DONE : 0,
                        Nbd.REPLY_BLOCK_STATUS,
                        4 + replies[id].remaining());
                header.putInt(id).flip();
                send(header, replies[id]);
            }
        } finally {
            writing.unlock();
        }
    }

    private void replyDone() throws IOException {
        writing.lock();
        try {
            if (structured && type == Nbd.CMD_BLOCK_STATUS) {
                structuredHeader(Nbd.REPLY_FLAG_DONE, Nbd.REPLY_NONE, 0).flip();
            } else {
                simpleHeader(0);
            }
            wire.write(header);
        } finally {
            writing.unlock();
        }
    }

    private void replyError(IOException cause) throws IOException {
        int error = errorNumber(cause);
        LOG.log(System.Logger.Level.DEBUG, "NBD request failed: {0}", cause.getMessage());
        writing.lock();
        try {
            if (structured && (type == Nbd.CMD_READ || type == Nbd.CMD_BLOCK_STATUS)) {
                byte[] words = Wire.utf8(String.valueOf(cause.getMessage()));
                int wordBytes = Math.min(words.length, 1024);
                structuredHeader(Nbd.REPLY_FLAG_DONE, Nbd.REPLY_ERROR, 6 + wordBytes);
                header.putInt(error).putShort((short) wordBytes).flip();
                send(header, ByteBuffer.wrap(words, 0, wordBytes));
            } else {
                wire.write(simpleHeader(error));
            }
        } finally {
            writing.unlock();
        }
    }

    private void send(ByteBuffer first, ByteBuffer second) throws IOException {
        try {
            wire.write(first, second);
        } catch (IOException e) {
            throw new ClientGoneException(e);
        }
    }

    private ByteBuffer simpleHeader(int error) {
        return header.clear()
                .putInt(Nbd.SIMPLE_REPLY_MAGIC)
                .putInt(error)
                .putLong(handle)
                .flip();
    }

    private ByteBuffer structuredHeader(int replyFlags, int replyType, int payloadBytes) {
        return header.clear()
                .putInt(Nbd.STRUCTURED_REPLY_MAGIC)
                .putShort((short) replyFlags)
                .putShort((short) replyType)
                .putLong(handle)
                .putInt(payloadBytes);
    }

    /** The protocol knows few error numbers. */
    private static int errorNumber(IOException cause) {
        if (cause instanceof OsException os) {
            return switch (os.errno()) {
                case Errno.EPERM, Errno.EROFS, Errno.EACCES -> Errno.EPERM;
                case Errno.ENOSPC, Errno.EDQUOT -> Errno.ENOSPC;
                case Errno.EINVAL -> Errno.EINVAL;
                case Errno.ENOMEM -> Errno.ENOMEM;
                case Errno.EOPNOTSUPP -> Errno.EOPNOTSUPP;
                default -> Errno.EIO;
            };
        }
        if (cause instanceof ImageException image && image.kind() == ImageException.Kind.READ_ONLY) {
            return Errno.EPERM;
        }
        return Errno.EIO;
    }

    /** The answer could not be sent as promised; the connection ends. */
    private static final class ClientGoneException extends IOException {
        private static final long serialVersionUID = 1L;
        private final IOException reason;

        ClientGoneException(IOException reason) {
            super(reason);
            this.reason = reason;
        }

        IOException reason() {
            return reason;
        }
    }
}
