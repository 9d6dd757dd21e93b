package org.tidemark.ploop.os.nfs;

import com.kenai.jffi.MemoryIO;
import java.nio.charset.StandardCharsets;

/** Reads the structures of libnfs, in the order of bytes and with the alignment of 64-bit Linux. */
final class NativeStruct {
    private static final MemoryIO MEMORY = MemoryIO.getInstance();
    private static final int MAX_TEXT_BYTES = 4096;

    private NativeStruct() {}

    static int integer(long address) {
        return MEMORY.getInt(address);
    }

    static long longInteger(long address) {
        return MEMORY.getLong(address);
    }

    static long address(long address) {
        return MEMORY.getAddress(address);
    }

    static byte[] bytes(long address, int length) {
        byte[] bytes = new byte[length];
        MEMORY.getByteArray(address, bytes, 0, length);
        return bytes;
    }

    static void copy(long from, long to, int length) {
        MEMORY.copyMemory(from, to, length);
    }

    /** A text that ends with a zero; empty for no address. */
    static String text(long address) {
        if (address == 0) {
            return "";
        }
        return new String(MEMORY.getZeroTerminatedByteArray(address, MAX_TEXT_BYTES), StandardCharsets.UTF_8);
    }
}
