package org.tidemark.ploop.os;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;

/**
 * FIFREEZE and FITHAW on a mounted file system, by an open folder in it. A freeze survives the process that asked for it:
 * whoever freezes arranges for somebody who thaws.
 */
public final class FileSystemFreeze {
    private static final long FIFREEZE = 0xC0045877L;
    private static final long FITHAW = 0xC0045878L;

    private FileSystemFreeze() {}

    /** Writes back everything and holds new writes. EBUSY when it is frozen already. Takes as long as the write-back. */
    public static void freeze(NativeFile directory) throws IOException {
        call("freeze", FIFREEZE, directory);
    }

    /** Lets writes go on. Returns false when the file system was not frozen. */
    public static boolean thaw(NativeFile directory) throws IOException {
        try {
            call("thaw", FITHAW, directory);
            return true;
        } catch (OsException e) {
            if (e.errno() == Errno.EINVAL) {
                return false;
            }
            throw e;
        }
    }

    private static void call(String what, long request, NativeFile directory) throws IOException {
        ByteBuffer unused = ByteBuffer.allocateDirect(8);
        directory.ioctl(what, request, unused);
        Reference.reachabilityFence(unused);
    }
}
