package org.tidemark.ploop.device.attach.fuse;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.DeviceState;
import org.tidemark.ploop.io.AlignedBuffer;

/** A small device in memory that can be stopped or made to fail inside each operation. */
final class SteppedDevice implements BlockDevice {
    static final int SIZE = 1 << 21;

    private final byte[] content = new byte[SIZE];
    private final List<String> calls = new ArrayList<>();
    private Consumer<String> step = name -> {};
    private @Nullable Throwable failure;
    private @Nullable IOException writeFailure;
    private int writesDone;
    private boolean writable = true;

    void onStep(Consumer<String> consumer) {
        step = consumer;
    }

    synchronized void failWith(@Nullable Throwable next) {
        failure = next;
    }

    /** Reads go on. */
    synchronized void failWritesWith(@Nullable IOException next) {
        writeFailure = next;
    }

    /** How many writes came to their end. */
    synchronized int writesDone() {
        return writesDone;
    }

    void makeReadOnly() {
        writable = false;
    }

    synchronized byte[] content(int offset, int length) {
        return java.util.Arrays.copyOfRange(content, offset, offset + length);
    }

    synchronized List<String> calls() {
        return List.copyOf(calls);
    }

    private void enter(String call) throws IOException {
        synchronized (this) {
            calls.add(call);
            if (failure instanceof IOException e) {
                throw e;
            } else if (failure instanceof RuntimeException e) {
                throw e;
            } else if (failure instanceof Error e) {
                throw e;
            }
        }
        step.accept("before I/O");
    }

    private void leave() {
        step.accept("after I/O");
    }

    @Override
    public String name() {
        return "stepped";
    }

    @Override
    public long sizeBytes() {
        return SIZE;
    }

    @Override
    public int blockSizeBytes() {
        return 512;
    }

    @Override
    public boolean writable() {
        return writable;
    }

    @Override
    public DeviceState state() {
        return DeviceState.RUNNING;
    }

    @Override
    public void read(long offsetBytes, AlignedBuffer dst, int dstOffset, int lengthBytes) throws IOException {
        enter("read " + offsetBytes + "+" + lengthBytes);
        synchronized (this) {
            dst.bytes().put(dstOffset, content, (int) offsetBytes, lengthBytes);
        }
        leave();
    }

    @Override
    public void write(long offsetBytes, AlignedBuffer src, int srcOffset, int lengthBytes) throws IOException {
        enter("write " + offsetBytes + "+" + lengthBytes);
        synchronized (this) {
            if (writeFailure != null) {
                throw writeFailure;
            }
            writesDone++;
            src.bytes().get(srcOffset, content, (int) offsetBytes, lengthBytes);
        }
        leave();
    }

    @Override
    public void flush() throws IOException {
        enter("flush");
        leave();
    }

    @Override
    public void discard(long offsetBytes, long lengthBytes) throws IOException {
        enter("discard " + offsetBytes + "+" + lengthBytes);
        leave();
    }

    @Override
    public void writeZeroes(long offsetBytes, long lengthBytes) throws IOException {
        enter("zero " + offsetBytes + "+" + lengthBytes);
        leave();
    }

    @Override
    public void extents(long offsetBytes, long lengthBytes, ExtentVisitor visitor) throws IOException {
        visitor.extent(offsetBytes, lengthBytes, false);
    }

    @Override
    public void close() {
        // Memory only.
    }
}
