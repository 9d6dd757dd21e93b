package org.tidemark.ploop.contract;

import java.io.Closeable;
import java.io.IOException;
import java.util.UUID;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.OwnerRecord;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.io.AlignedBuffer;

/** An image opened as the product opens it, with bytes in arrays. */
public final class DeviceBytes implements Closeable {
    private final BlockDevice device;
    private AlignedBuffer buffer = AlignedBuffer.allocate(1 << 20);

    public DeviceBytes(BlockDevice device) {
        this.device = device;
    }

    public static DeviceBytes open(ChainFiles files, AttachedImage.Use use) throws IOException {
        return new DeviceBytes(AttachedImage.open(
                files, use, StateArea.inMemory(), () -> {}, false, OwnerRecord.ofCommand(), UUID::randomUUID));
    }

    public BlockDevice device() {
        return device;
    }

    private AlignedBuffer buffer(int bytes) {
        if (buffer.capacity() < bytes) {
            buffer = AlignedBuffer.allocate(bytes);
        }
        return buffer;
    }

    public byte[] read(long offset, int length) throws IOException {
        AlignedBuffer whole = buffer(length);
        device.read(offset, whole, 0, length);
        return TestBytes.bytes(whole, 0, length);
    }

    public void write(long offset, byte[] bytes) throws IOException {
        AlignedBuffer whole = buffer(bytes.length);
        whole.bytes().put(0, bytes);
        device.write(offset, whole, 0, bytes.length);
    }

    public void discard(long offset, long length) throws IOException {
        device.discard(offset, length);
    }

    public void flush() throws IOException {
        device.flush();
    }

    @Override
    public void close() throws IOException {
        device.close();
    }
}
