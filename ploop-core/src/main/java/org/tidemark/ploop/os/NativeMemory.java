package org.tidemark.ploop.os;

import com.kenai.jffi.MemoryIO;
import java.nio.ByteBuffer;

/** Addresses of off-heap memory. */
public final class NativeMemory {
    private static final MemoryIO MEMORY = MemoryIO.getInstance();

    private NativeMemory() {}

    /**
     * The address of byte 0 (not of the position) of a direct buffer. The caller keeps the buffer reachable for as long
     * as it uses the address.
     */
    public static long address(ByteBuffer direct) {
        if (!direct.isDirect()) {
            throw new IllegalArgumentException("not a direct buffer");
        }
        return MEMORY.getDirectBufferAddress(direct);
    }
}
