package org.tidemark.ploop.device.cbt;

import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;

/**
 * The tracker's file beside the image: what survives power loss.
 *
 * <pre>
 *   0        two state slots, 16 KiB each
 *   32 KiB   intent map: one bit for a region of 4 MiB, lowest bit first, rounded up to 4 KiB
 *   then     {@link TrackerState#FILE_SLOTS} bitmap slots, sparse, each one page of 4 KiB for 128 MiB of the disk
 * </pre>
 *
 * <p>One thread at a time, but for {@link #writeIntentPage} and {@link #flush}.
 */
final class TrackerFile implements Closeable {
    private final ImageIo io;
    private final int intentBytes;
    private final int bitmapPages;
    private final AlignedBuffer slots = AlignedBuffer.allocate(StateSlots.BYTES);
    private final AlignedBuffer page = AlignedBuffer.allocate(BitmapGeneration.PAGE_BYTES);
    private long sequence;

    private TrackerFile(ImageIo io, long diskSizeBytes) {
        this.io = io;
        this.intentBytes = IntentRegions.mapBytes(diskSizeBytes);
        this.bitmapPages = BitmapGeneration.pageCount(diskSizeBytes);
    }

    /** Makes a new file, replacing what has its name; name and content are durable on return. It has no bits. */
    static TrackerFile create(ImageDirectory folder, String name, TrackerState state) throws IOException {
        String fresh = name + ".new";
        if (folder.exists(fresh)) {
            folder.delete(fresh);
        }
        TrackerFile file = new TrackerFile(folder.create(fresh), state.diskSizeBytes());
        boolean made = false;
        try {
            file.io.zero(StateSlots.BYTES, file.intentBytes);
            file.store(state);
            folder.rename(fresh, name);
            folder.sync();
            made = true;
            return file;
        } finally {
            if (!made) {
                file.close();
            }
        }
    }

    /**
     * The same with all bits, for a disk whose size changed: every generation of the state is in its slot, and no region is
     * open, so everything that was written must be durable.
     *
     * @param generations those of the state, in its order; all of their pages count as persisted afterwards
     */
    static TrackerFile createWith(
            ImageDirectory folder, String name, TrackerState state, List<BitmapGeneration> generations)
            throws IOException {
        String fresh = name + ".new";
        if (folder.exists(fresh)) {
            folder.delete(fresh);
        }
        TrackerFile file = new TrackerFile(folder.create(fresh), state.diskSizeBytes());
        boolean made = false;
        try {
            file.io.zero(StateSlots.BYTES, file.intentBytes);
            for (int i = 0; i < generations.size(); i++) {
                generations.get(i).markAllUnpersisted();
                file.writeUnpersisted(
                        generations.get(i), state.generations().get(i).fileSlot());
            }
            file.store(state);
            folder.rename(fresh, name);
            folder.sync();
            made = true;
            return file;
        } finally {
            if (!made) {
                file.close();
            }
        }
    }

    /** Opens a file, or answers null when it is not one, not whole, or of another disk. */
    static @Nullable Opened open(ImageDirectory folder, String name, long diskSizeBytes) throws IOException {
        if (!folder.exists(name)) {
            return null;
        }
        TrackerFile file = new TrackerFile(folder.open(name, ImageDirectory.OpenMode.READ_WRITE), diskSizeBytes);
        boolean opened = false;
        try {
            file.io.read(0, file.slots, 0, StateSlots.BYTES);
            StateSlots.Found found = StateSlots.read(file.slots, 0);
            if (found == null || found.state().diskSizeBytes() != diskSizeBytes) {
                return null;
            }
            file.sequence = found.sequence();
            opened = true;
            return new Opened(file, found.state());
        } finally {
            if (!opened) {
                file.close();
            }
        }
    }

    /** Writes the state; durable on return, together with every page written before. */
    void store(TrackerState state) throws IOException {
        io.flush();
        long next = sequence + 1;
        int offset = StateSlots.offsetFor(next);
        StateSlots.write(slots, offset, state, next);
        io.write(offset, slots, offset, StateSlots.SLOT_BYTES);
        io.flush();
        sequence = next;
    }

    void flush() throws IOException {
        io.flush();
    }

    void readIntentMap(AlignedBuffer dst) throws IOException {
        io.read(StateSlots.BYTES, dst, 0, intentBytes);
    }

    void writeIntentPage(int pageIndex, AlignedBuffer map) throws IOException {
        int offset = pageIndex * BitmapGeneration.PAGE_BYTES;
        io.write(StateSlots.BYTES + (long) offset, map, offset, BitmapGeneration.PAGE_BYTES);
    }

    /** Writes every page that has marks the file does not have. Not durable before {@link #store}. */
    void writeUnpersisted(BitmapGeneration generation, int fileSlot) throws IOException {
        for (int index = 0; index < generation.pageCount(); index++) {
            if (!generation.takeUnpersisted(index)) {
                continue;
            }
            generation.copyPage(index, page, 0);
            try {
                io.write(pagePosition(fileSlot, index), page, 0, BitmapGeneration.PAGE_BYTES);
            } catch (IOException e) {
                generation.markUnpersisted(index);
                throw e;
            }
        }
    }

    void load(BitmapGeneration generation, int fileSlot) throws IOException {
        long start = pagePosition(fileSlot, 0);
        long length = (long) bitmapPages * BitmapGeneration.PAGE_BYTES;
        io.dataExtents(start, length, (position, extentLength) -> {
            int first = (int) ((position - start) / BitmapGeneration.PAGE_BYTES);
            int last = (int) ((position + extentLength - 1 - start) / BitmapGeneration.PAGE_BYTES);
            for (int index = first; index <= last; index++) {
                io.read(pagePosition(fileSlot, index), page, 0, BitmapGeneration.PAGE_BYTES);
                generation.loadPage(index, page, 0);
            }
        });
    }

    /** Makes a slot all zeros again, for the next generation that uses it. Not durable before {@link #store}. */
    void clearSlot(int fileSlot) throws IOException {
        long start = pagePosition(fileSlot, 0);
        long length = Math.min((long) bitmapPages * BitmapGeneration.PAGE_BYTES, io.size() - start);
        if (length > 0) {
            io.punchHole(start, length);
        }
    }

    private long pagePosition(int fileSlot, int index) {
        long slotBytes = (long) bitmapPages * BitmapGeneration.PAGE_BYTES;
        return StateSlots.BYTES
                + (long) intentBytes
                + fileSlot * slotBytes
                + (long) index * BitmapGeneration.PAGE_BYTES;
    }

    @Override
    public void close() throws IOException {
        io.close();
    }

    /** An opened file and the state it holds. */
    record Opened(TrackerFile file, TrackerState state) {}
}
