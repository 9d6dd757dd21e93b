package org.tidemark.ploop.device.cbt;

import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.io.AlignedBuffer;

/**
 * Two copies of a {@link TrackerState}, written in turn, so that one is whole whatever interrupts a write.
 *
 * <pre>
 *   slot, 16 KiB, little-endian:  u64 magic | u32 version | u32 length | u64 sequence | u32 CRC32C of all else | state ...
 * </pre>
 */
final class StateSlots {
    static final int SLOT_BYTES = 16 * 1024;
    static final int BYTES = 2 * SLOT_BYTES;
    /** "TMKCBT01" */
    private static final long MAGIC = 0x3130544243_4B4D54L;

    private static final int VERSION = 1;
    private static final int HEADER_BYTES = 28;

    private StateSlots() {}

    /** The newest whole state in two slots at {@code offset}, or null. */
    static @Nullable Found read(AlignedBuffer memory, int offset) {
        Found first = readSlot(memory, offset);
        Found second = readSlot(memory, offset + SLOT_BYTES);
        if (first == null || (second != null && second.sequence() > first.sequence())) {
            return second;
        }
        return first;
    }

    private static @Nullable Found readSlot(AlignedBuffer memory, int offset) {
        ByteBuffer slot = memory.bytes().slice(offset, SLOT_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        if (slot.getLong(0) != MAGIC || slot.getInt(8) != VERSION) {
            return null;
        }
        int length = slot.getInt(12);
        if (length < 0 || length > TrackerState.MAX_BYTES || slot.getInt(24) != checksum(slot, length)) {
            return null;
        }
        try {
            ByteBuffer body = slot.slice(HEADER_BYTES, length).order(ByteOrder.LITTLE_ENDIAN);
            return new Found(TrackerState.decode(body), slot.getLong(16));
        } catch (RuntimeException e) {
            return null;
        }
    }

    /** Which of the two slots the state with this sequence number goes to: offset within the pair. */
    static int offsetFor(long sequence) {
        return (sequence & 1) == 0 ? 0 : SLOT_BYTES;
    }

    /** Writes a slot at {@code offset}. */
    static void write(AlignedBuffer memory, int offset, TrackerState state, long sequence) {
        ByteBuffer slot = memory.bytes().slice(offset, SLOT_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        slot.putInt(24, 0);
        slot.position(HEADER_BYTES);
        state.encode(slot);
        int length = slot.position() - HEADER_BYTES;
        slot.putLong(0, MAGIC).putInt(8, VERSION).putInt(12, length).putLong(16, sequence);
        int checksum = checksum(slot, length);
        // In memory that a successor may find: the checksum comes last.
        VarHandle.releaseFence();
        slot.putInt(24, checksum);
    }

    private static int checksum(ByteBuffer slot, int length) {
        CRC32C crc = new CRC32C();
        crc.update(slot.slice(0, 24));
        crc.update(slot.slice(HEADER_BYTES, length));
        return (int) crc.getValue();
    }

    /** A state and its sequence number. */
    record Found(TrackerState state, long sequence) {}
}
