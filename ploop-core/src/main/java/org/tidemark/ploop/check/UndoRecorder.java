package org.tidemark.ploop.check;

import java.io.IOException;
import java.util.BitSet;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.IoCapabilities;

/**
 * An image under repair: whatever is about to change for the first time is durable in the undo file before it changes. Kept
 * in blocks of {@value #BLOCK_BYTES} bytes; what lies behind the old end of the file needs no copy, it is cut off again. For
 * one thread.
 */
final class UndoRecorder implements ImageIo {
    private static final int BLOCK_BYTES = 65_536;

    private final ImageIo below;
    private final UndoFile undo;
    private final long oldBytes;
    private final BitSet saved = new BitSet();

    /** The first sector is in the undo file already. */
    UndoRecorder(ImageIo below, UndoFile undo) throws IOException {
        this.below = below;
        this.undo = undo;
        this.oldBytes = below.size();
        if (oldBytes / BLOCK_BYTES >= Integer.MAX_VALUE) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED, below.name() + ": is larger than what can be repaired");
        }
    }

    private void save(long position, long length) throws IOException {
        boolean fresh = false;
        long end = Math.min(position + length, oldBytes);
        for (long at = position / BLOCK_BYTES * BLOCK_BYTES; at < end; at += BLOCK_BYTES) {
            int block = (int) (at / BLOCK_BYTES);
            if (!saved.get(block)) {
                undo.save(below, at, (int) Math.min(BLOCK_BYTES, oldBytes - at));
                saved.set(block);
                fresh = true;
            }
        }
        if (fresh) {
            undo.flush();
        }
    }

    @Override
    public String name() {
        return below.name();
    }

    @Override
    public IoCapabilities capabilities() {
        return below.capabilities();
    }

    @Override
    public boolean writable() {
        return below.writable();
    }

    @Override
    public long size() throws IOException {
        return below.size();
    }

    @Override
    public void read(long position, AlignedBuffer dst, int dstOffset, int length) throws IOException {
        below.read(position, dst, dstOffset, length);
    }

    @Override
    public void write(long position, AlignedBuffer src, int srcOffset, int length) throws IOException {
        save(position, length);
        below.write(position, src, srcOffset, length);
    }

    @Override
    public void punchHole(long position, long length) throws IOException {
        save(position, length);
        below.punchHole(position, length);
    }

    @Override
    public void zero(long position, long length) throws IOException {
        save(position, length);
        below.zero(position, length);
    }

    @Override
    public void truncate(long sizeBytes) throws IOException {
        if (sizeBytes < oldBytes) {
            save(sizeBytes, oldBytes - sizeBytes);
        }
        below.truncate(sizeBytes);
    }

    @Override
    public void dataExtents(long position, long length, ExtentVisitor visitor) throws IOException {
        below.dataExtents(position, length, visitor);
    }

    @Override
    public void flush() throws IOException {
        below.flush();
    }

    @Override
    public void close() throws IOException {
        below.close();
    }
}
