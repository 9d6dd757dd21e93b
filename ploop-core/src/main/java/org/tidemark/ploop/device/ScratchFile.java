package org.tidemark.ploop.device;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.os.NativeFile;

/**
 * Where a view keeps the old content of chunks that were overwritten: a bounded local file without a name, gone with the
 * process. Slots of one chunk each.
 */
final class ScratchFile implements Closeable {
    private final NativeFile file;
    private final int slotBytes;
    private final int limitSlots;
    /** Guarded by this. */
    private final BitSet used = new BitSet();

    private int usedSlots;
    private int peakSlots;

    ScratchFile(Path folder, int slotBytes, long limitBytes) throws IOException {
        Files.createDirectories(folder);
        Path path = Files.createTempFile(folder, "view-", ".scratch");
        this.file = NativeFile.open(path, NativeFile.READ_WRITE, 0600);
        Files.delete(path);
        this.slotBytes = slotBytes;
        this.limitSlots = Math.toIntExact(limitBytes / slotBytes);
    }

    /** Keeps a chunk; returns its slot, or -1 when the scratch is full. */
    int save(AlignedBuffer src, int srcOffset) throws IOException {
        int slot;
        synchronized (this) {
            slot = used.nextClearBit(0);
            if (slot >= limitSlots) {
                return -1;
            }
            used.set(slot);
            usedSlots++;
            peakSlots = Math.max(peakSlots, usedSlots);
        }
        try {
            file.writeAt(src.address(srcOffset), slotBytes, (long) slot * slotBytes);
            return slot;
        } catch (IOException e) {
            free(slot);
            throw e;
        }
    }

    void read(int slot, int offsetInSlot, AlignedBuffer dst, int dstOffset, int length) throws IOException {
        int done = file.readAt(dst.address(dstOffset), length, (long) slot * slotBytes + offsetInSlot);
        dst.zero(dstOffset + done, length - done);
    }

    /** Gives a slot back; its space is reused, and returned to the file system when the view closes. */
    synchronized void free(int slot) {
        used.clear(slot);
        usedSlots--;
    }

    synchronized long peakBytes() {
        return (long) peakSlots * slotBytes;
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
