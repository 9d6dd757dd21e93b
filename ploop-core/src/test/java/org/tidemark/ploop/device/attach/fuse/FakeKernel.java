package org.tidemark.ploop.device.attach.fuse;

import com.kenai.jffi.MemoryIO;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.tidemark.ploop.os.Errno;

/**
 * The kernel's side of a FUSE connection, in memory: hands requests out, takes each reply once, hands out again on demand.
 * It lives on when a server "dies".
 */
final class FakeKernel implements FuseKernel {
    static final long RESENT = 1L << 63;

    private static final MemoryIO MEMORY = MemoryIO.getInstance();

    private final Deque<byte[]> pending = new ArrayDeque<>();
    private final Map<Long, byte[]> handedOut = new LinkedHashMap<>();
    private final Map<Long, byte[]> replies = new LinkedHashMap<>();
    private final List<String> refused = new ArrayList<>();
    private Consumer<String> step = name -> {};
    private long lastUnique;
    private int resends;
    private boolean unmounted;
    private boolean old;

    /** Called at each step of a conversation, outside the lock; may never return. */
    void onStep(Consumer<String> consumer) {
        step = consumer;
    }

    /** One from before Linux 6.9. */
    synchronized void doesNotHandOutAgain() {
        old = true;
    }

    synchronized long send(int opcode, byte[] arguments, byte[] payload) {
        lastUnique += 2;
        int length = FuseWire.IN_HEADER_BYTES + arguments.length + payload.length;
        ByteBuffer request = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        request.putInt(length).putInt(opcode).putLong(lastUnique).putLong(FuseWire.IMAGE_NODE);
        request.position(FuseWire.IN_HEADER_BYTES);
        request.put(arguments).put(payload);
        pending.add(request.array());
        notifyAll();
        return lastUnique;
    }

    long write(long offset, byte[] data) {
        return send(FuseWire.WRITE, io(offset, data.length), data);
    }

    long read(long offset, int size) {
        return send(FuseWire.READ, io(offset, size), new byte[0]);
    }

    long fallocate(int mode, long offset, long length) {
        ByteBuffer arguments = ByteBuffer.allocate(FuseWire.FALLOCATE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        arguments.putLong(8, offset).putLong(16, length).putInt(24, mode);
        return send(FuseWire.FALLOCATE, arguments.array(), new byte[0]);
    }

    private static byte[] io(long offset, int size) {
        ByteBuffer arguments = ByteBuffer.allocate(FuseWire.IO_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        return arguments.putLong(8, offset).putInt(16, size).array();
    }

    @Override
    public int receive(long address, int lengthBytes) {
        int length;
        synchronized (this) {
            while (pending.isEmpty() && !unmounted) {
                try {
                    wait();
                } catch (InterruptedException e) {
                    return -Errno.EINTR;
                }
            }
            if (pending.isEmpty()) {
                return -Errno.ENODEV;
            }
            byte[] request = pending.poll();
            length = request.length;
            handedOut.put(unique(request, FuseWire.IN_UNIQUE), request);
            MEMORY.putByteArray(address, request, 0, length);
        }
        step.accept("received");
        return length;
    }

    @Override
    public int answer(long address, int lengthBytes) {
        step.accept("answering");
        byte[] reply = new byte[lengthBytes];
        MEMORY.getByteArray(address, reply, 0, lengthBytes);
        int result = take(reply);
        step.accept("answered");
        return result;
    }

    private synchronized int take(byte[] reply) {
        long unique = unique(reply, FuseWire.OUT_UNIQUE);
        if (unique == 0) {
            resends++;
            if (old) {
                return -Errno.EINVAL;
            }
            for (byte[] request : handedOut.values()) {
                ByteBuffer buffer = ByteBuffer.wrap(request).order(ByteOrder.LITTLE_ENDIAN);
                buffer.putLong(FuseWire.IN_UNIQUE, buffer.getLong(FuseWire.IN_UNIQUE) | RESENT);
                pending.addFirst(request);
            }
            handedOut.clear();
            notifyAll();
            return reply.length;
        }
        if (handedOut.remove(unique) == null) {
            refused.add("reply to " + unique);
            return -Errno.ENOENT;
        }
        replies.put(unique & ~RESENT, reply);
        notifyAll();
        return reply.length;
    }

    private static long unique(byte[] message, int at) {
        return ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN).getLong(at);
    }

    synchronized void unmount() {
        unmounted = true;
        notifyAll();
    }

    /** Waits for the reply; returns its error number, 0 or above. */
    int awaitError(long unique) throws InterruptedException {
        return -ByteBuffer.wrap(awaitReply(unique))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getInt(FuseWire.OUT_ERROR);
    }

    synchronized byte[] awaitReply(long unique) throws InterruptedException {
        long end = System.nanoTime() + 5_000_000_000L;
        while (!replies.containsKey(unique)) {
            if (System.nanoTime() - end > 0) {
                throw new AssertionError("no reply to request " + unique);
            }
            wait(100);
        }
        return replies.get(unique);
    }

    byte[] awaitBody(long unique) throws InterruptedException {
        byte[] reply = awaitReply(unique);
        return java.util.Arrays.copyOfRange(reply, FuseWire.OUT_HEADER_BYTES, reply.length);
    }

    synchronized boolean answered(long unique) {
        return replies.containsKey(unique);
    }

    synchronized int handedOutCount() {
        return handedOut.size();
    }

    synchronized int resends() {
        return resends;
    }

    synchronized List<String> refused() {
        return List.copyOf(refused);
    }
}
