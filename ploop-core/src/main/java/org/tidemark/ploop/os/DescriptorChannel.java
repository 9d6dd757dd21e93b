package org.tidemark.ploop.os;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * A pipe, a socket or a file by a descriptor that this process was started with. Reads and writes where the descriptor stands, a
 * part of what was asked for as the kernel likes. Takes direct buffers only. One thread may read while another one writes.
 */
public final class DescriptorChannel implements ByteChannel {
    private static final long AGAIN_NANOS = 1_000_000L;

    private final NativeFile file;
    private final AtomicBoolean closed = new AtomicBoolean();

    private DescriptorChannel(NativeFile file) {
        this.file = file;
    }

    /**
     * Another descriptor of what {@code fd} is; that one stays open.
     *
     * @throws OsException EBADF when there is none of that number
     */
    public static DescriptorChannel of(int fd) throws IOException {
        return new DescriptorChannel(
                NativeFile.adopt(fd, "file descriptor " + fd).duplicate());
    }

    private interface Call {
        int run(long address, int length);
    }

    private int call(String what, Call call, ByteBuffer bytes) throws IOException {
        if (!bytes.isDirect()) {
            throw new IllegalArgumentException("only direct buffers");
        }
        while (true) {
            if (closed.get()) {
                throw new ClosedChannelException();
            }
            int done = call.run(NativeMemory.address(bytes) + bytes.position(), bytes.remaining());
            if (done >= 0) {
                bytes.position(bytes.position() + done);
                return done;
            }
            switch (-done) {
                case Errno.EINTR -> {}
                case Errno.EAGAIN -> LockSupport.parkNanos(AGAIN_NANOS);
                default -> throw new OsException(what, file.name(), -done);
            }
        }
    }

    /** -1 at the end. */
    @Override
    public int read(ByteBuffer dst) throws IOException {
        if (!dst.hasRemaining()) {
            return 0;
        }
        int done = call("read", file::read, dst);
        return done == 0 ? -1 : done;
    }

    @Override
    public int write(ByteBuffer src) throws IOException {
        return src.hasRemaining() ? call("write", file::write, src) : 0;
    }

    @Override
    public boolean isOpen() {
        return !closed.get();
    }

    @Override
    public void close() throws IOException {
        if (closed.compareAndSet(false, true)) {
            file.close();
        }
    }
}
