package org.tidemark.ploop.device.attach.fuse;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.List;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.os.Errno;

/**
 * What a successor does before it reads its first request: settle every slot, then ask the kernel to hand out again
 * whatever it still counts as handed out. Can be cut short at any point and begun again.
 */
final class SlotRecovery {
    private static final Logger LOG = System.getLogger(SlotRecovery.class.getName());

    private SlotRecovery() {}

    /** How many requests were executed, and how many only answered. */
    record Outcome(int executed, int answered) {}

    static Outcome settle(List<RequestSlot> slots, ImageFile file, FuseKernel kernel) {
        int executed = 0;
        int answered = 0;
        for (RequestSlot slot : slots) {
            switch (slot.phase()) {
                case EMPTY -> {}
                case RECEIVED -> {
                    executed++;
                    if (file.execute(slot)) {
                        slot.send(kernel);
                    }
                }
                case ANSWERING -> {
                    answered++;
                    slot.send(kernel);
                }
            }
            slot.clear();
        }
        resend(kernel);
        return new Outcome(executed, answered);
    }

    /** Kernels before 6.9 do not know it (EINVAL); with the slots settled there is nothing to be sent again anyway. */
    private static void resend(FuseKernel kernel) {
        AlignedBuffer notice = AlignedBuffer.over(ByteBuffer.allocateDirect(FuseWire.OUT_HEADER_BYTES));
        notice.putInt(FuseWire.OUT_LENGTH, FuseWire.OUT_HEADER_BYTES);
        notice.putInt(FuseWire.OUT_ERROR, FuseWire.NOTIFY_RESEND);
        notice.putLong(FuseWire.OUT_UNIQUE, 0);
        int result = kernel.answer(notice.address(0), FuseWire.OUT_HEADER_BYTES);
        if (result < 0 && result != -Errno.EINVAL) {
            LOG.log(Level.WARNING, "asking the kernel to send requests again: " + Errno.describe(-result));
        }
    }
}
