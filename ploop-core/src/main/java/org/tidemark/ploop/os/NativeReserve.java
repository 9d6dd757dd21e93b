package org.tidemark.ploop.os;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Memory that native code of this process will need, taken from the kernel before it is short of it. The virtual machine's compiler
 * takes memory now and then, and in some moments every other thread stands until it has it: of a process that writes dirty
 * pages to disk, those who could free some.
 */
public final class NativeReserve {
    /** MADV_POPULATE_WRITE, since Linux 5.14. */
    private static final int POPULATE = 23;

    private NativeReserve() {}

    /**
     * Lets malloc have so much that it has given out before: with a threshold for giving back that is larger, and one arena, it stays
     * in this process. The code that the virtual machine has yet to make gets its pages, too, as far as it has reserved
     * them.
     */
    public static void take(long mallocBytes) throws IOException {
        long address = LibC.C.malloc(mallocBytes);
        if (address != 0) {
            LibC.C.memset(address, 1, mallocBytes);
            LibC.C.free(address);
        }
        for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
            String[] words = line.split(" +");
            if (words.length == 5 && words[1].equals("rwxp")) {
                String[] ends = words[0].split("-");
                long from = Long.parseUnsignedLong(ends[0], 16);
                // An older kernel does not know this: then the pages come when they are written.
                LibC.C.madvise(from, Long.parseUnsignedLong(ends[1], 16) - from, POPULATE);
            }
        }
    }
}
