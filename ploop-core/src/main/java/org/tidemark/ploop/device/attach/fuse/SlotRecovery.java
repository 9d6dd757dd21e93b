package org.tidemark.ploop.device.attach.fuse;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.os.Errno;

/**
 * What a successor does before it reads its first request: settle every slot, then ask the kernel to hand out again
 * whatever it still counts as handed out. Can be cut short at any point and begun again.
 *
 * <p>Several threads settle, so that a request which has to wait for its disk does not hold up the others. One that finds no
 * space is not executed and not answered; after a kernel that hands out again has heard the notice, its slot is emptied,
 * because it comes once more. For another kernel it is kept as it is.
 */
final class SlotRecovery {
    private static final Logger LOG = System.getLogger(SlotRecovery.class.getName());

    private final List<RequestSlot> slots;
    private final ImageFile file;
    private final FuseKernel kernel;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger open;
    private final AtomicInteger executed = new AtomicInteger();
    private final AtomicInteger answered = new AtomicInteger();
    /** Guarded by itself. */
    private final List<RequestSlot> waiting = new ArrayList<>();

    SlotRecovery(List<RequestSlot> slots, ImageFile file, FuseKernel kernel) {
        this.slots = slots;
        this.file = file;
        this.kernel = kernel;
        this.open = new AtomicInteger(slots.size());
    }

    /**
     * How it ended.
     *
     * @param executed how many requests were executed
     * @param answered how many were only answered again
     * @param waiting those that still wait for space, in their slots; all other slots are empty
     */
    record Outcome(int executed, int answered, List<RequestSlot> waiting) {}

    /** Settles one slot after another until none is left; run by any number of threads. True for the last one to be done. */
    boolean settle() {
        boolean last = slots.isEmpty() && next.getAndIncrement() == 0;
        for (int i = next.getAndIncrement(); i < slots.size(); i = next.getAndIncrement()) {
            settle(slots.get(i));
            last = open.decrementAndGet() == 0;
        }
        return last;
    }

    private void settle(RequestSlot slot) {
        switch (slot.phase()) {
            case EMPTY -> {}
            case RECEIVED -> {
                ImageFile.Outcome outcome = file.executeLeft(slot);
                if (outcome == ImageFile.Outcome.NO_SPACE) {
                    synchronized (waiting) {
                        waiting.add(slot);
                    }
                    return;
                }
                executed.incrementAndGet();
                if (outcome == ImageFile.Outcome.ANSWER) {
                    slot.send(kernel);
                }
            }
            case ANSWERING -> {
                answered.incrementAndGet();
                slot.send(kernel);
            }
        }
        slot.clear();
    }

    /** For the last of those who settled. */
    Outcome finish() {
        List<RequestSlot> left;
        synchronized (waiting) {
            left = List.copyOf(waiting);
        }
        if (resend() && !left.isEmpty()) {
            for (RequestSlot slot : left) {
                slot.clear();
                file.space().end();
            }
            left = List.of();
        }
        return new Outcome(executed.get(), answered.get(), left);
    }

    /**
     * Whether the kernel hands out again what was not answered. Kernels before 6.9 do not know how (EINVAL); with all slots settled that
     * is no loss.
     */
    private boolean resend() {
        AlignedBuffer notice = AlignedBuffer.over(ByteBuffer.allocateDirect(FuseWire.OUT_HEADER_BYTES));
        notice.putInt(FuseWire.OUT_LENGTH, FuseWire.OUT_HEADER_BYTES);
        notice.putInt(FuseWire.OUT_ERROR, FuseWire.NOTIFY_RESEND);
        notice.putLong(FuseWire.OUT_UNIQUE, 0);
        int result = kernel.answer(notice.address(0), FuseWire.OUT_HEADER_BYTES);
        if (result < 0 && result != -Errno.EINVAL) {
            LOG.log(Level.WARNING, "asking the kernel to send requests again: " + Errno.describe(-result));
        }
        return result >= 0;
    }
}
