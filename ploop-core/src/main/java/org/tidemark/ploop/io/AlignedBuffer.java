package org.tidemark.ploop.io;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.tidemark.ploop.os.NativeMemory;

/**
 * A fixed piece of page-aligned off-heap memory, little-endian, that travels through the data path without copies and
 * without allocation: layers pass (buffer, offset, length).
 *
 * <p>Not synchronised: whoever holds it owns it.
 */
public final class AlignedBuffer {
    /** Alignment of byte 0, enough for direct I/O on any device in use. */
    public static final int ALIGNMENT_BYTES = 4096;

    private static final byte[] ZEROS = new byte[ALIGNMENT_BYTES];

    private final ByteBuffer bytes;
    private final long address;
    private final int capacityBytes;

    private AlignedBuffer(ByteBuffer bytes) {
        this.bytes = bytes.order(ByteOrder.LITTLE_ENDIAN);
        this.address = NativeMemory.address(bytes);
        this.capacityBytes = bytes.capacity();
    }

    /** New zeroed memory of at least {@code capacityBytes}, rounded up to the alignment. */
    public static AlignedBuffer allocate(int capacityBytes) {
        int rounded = Math.addExact(capacityBytes, ALIGNMENT_BYTES - 1) & -ALIGNMENT_BYTES;
        ByteBuffer whole = ByteBuffer.allocateDirect(rounded + ALIGNMENT_BYTES);
        int shift = whole.alignmentOffset(0, ALIGNMENT_BYTES);
        int start = shift == 0 ? 0 : ALIGNMENT_BYTES - shift;
        return new AlignedBuffer(whole.slice(start, rounded));
    }

    /** Wraps memory that is there already, for instance a mapped file. Byte 0 of {@code direct} becomes byte 0. */
    public static AlignedBuffer over(ByteBuffer direct) {
        return new AlignedBuffer(direct.slice(0, direct.capacity()));
    }

    /** A view of a part, sharing the memory. Not for the data path: it allocates. */
    public AlignedBuffer slice(int offset, int length) {
        return new AlignedBuffer(bytes.slice(offset, length));
    }

    public int capacity() {
        return capacityBytes;
    }

    /** The native address of byte {@code offset}. */
    public long address(int offset) {
        return address + offset;
    }

    /** The memory itself, for absolute access only (its position and limit belong to nobody). */
    public ByteBuffer bytes() {
        return bytes;
    }

    public int getInt(int offset) {
        return bytes.getInt(offset);
    }

    public void putInt(int offset, int value) {
        bytes.putInt(offset, value);
    }

    public long getLong(int offset) {
        return bytes.getLong(offset);
    }

    public void putLong(int offset, long value) {
        bytes.putLong(offset, value);
    }

    /** Copies {@code length} bytes from {@code source}; the two ranges must not overlap in memory. */
    public void copyFrom(AlignedBuffer source, int sourceOffset, int offset, int length) {
        bytes.put(offset, source.bytes, sourceOffset, length);
    }

    /** Sets the range to zero. */
    public void zero(int offset, int length) {
        // Copying zeros is several times as fast as storing them one long at a time.
        for (int done = 0; done < length; done += ZEROS.length) {
            bytes.put(offset + done, ZEROS, 0, Math.min(ZEROS.length, length - done));
        }
    }

    /** Whether every byte of the range is zero. */
    public boolean isZero(int offset, int length) {
        int end = offset + length;
        int at = offset;
        for (; at < end && (at & 7) != 0; at++) {
            if (bytes.get(at) != 0) {
                return false;
            }
        }
        for (; at + 8 <= end; at += 8) {
            if (bytes.getLong(at) != 0) {
                return false;
            }
        }
        for (; at < end; at++) {
            if (bytes.get(at) != 0) {
                return false;
            }
        }
        return true;
    }
}
