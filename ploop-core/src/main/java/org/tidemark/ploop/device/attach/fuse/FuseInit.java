package org.tidemark.ploop.device.attach.fuse;

import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.os.Errno;

/**
 * The first request of a connection: agree on a version and on what both sides can do. Executing it twice gives the same
 * answer, so a successor may.
 */
final class FuseInit {
    private static final int WANTED = FuseWire.INIT_ASYNC_READ
            | FuseWire.INIT_BIG_WRITES
            | FuseWire.INIT_ASYNC_DIO
            | FuseWire.INIT_PARALLEL_DIROPS
            | FuseWire.INIT_ABORT_ERROR
            | FuseWire.INIT_MAX_PAGES
            | FuseWire.INIT_HANDLE_KILLPRIV_V2
            | FuseWire.INIT_EXT;
    private static final int WANTED2 = FuseWire.INIT2_DIRECT_IO_ALLOW_MMAP | FuseWire.INIT2_HAS_RESEND;
    private static final int OLDEST_MINOR = 31;

    private FuseInit() {}

    static void answer(RequestSlot slot) {
        int major = slot.argumentInt(0);
        int minor = slot.argumentInt(4);
        if (major != FuseWire.MAJOR || minor < OLDEST_MINOR) {
            slot.answerShort(Errno.EIO, 0);
            return;
        }
        int offered = slot.argumentInt(12);
        int offered2 = (offered & FuseWire.INIT_EXT) != 0 ? slot.argumentInt(16) : 0;
        int body = slot.beginShortReply(FuseWire.INIT_OUT_BYTES);
        AlignedBuffer out = slot.memory();
        out.putInt(body, FuseWire.MAJOR);
        out.putInt(body + 4, Math.min(minor, FuseWire.MINOR));
        out.putInt(body + 8, slot.argumentInt(8));
        out.putInt(body + 12, offered & WANTED);
        out.putInt(body + 16, FuseWire.MAX_BACKGROUND | FuseWire.CONGESTION_THRESHOLD << 16);
        out.putInt(body + 20, FuseWire.MAX_PAYLOAD_BYTES);
        out.putInt(body + 24, 1);
        out.putInt(body + 28, FuseWire.MAX_PAGES);
        out.putInt(body + 32, offered2 & WANTED2);
        slot.answerShort(0, FuseWire.INIT_OUT_BYTES);
    }
}
