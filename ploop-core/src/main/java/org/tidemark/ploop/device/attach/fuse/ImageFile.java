package org.tidemark.ploop.device.attach.fuse;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.attach.LoopWindow;
import org.tidemark.ploop.device.front.DeviceFront;
import org.tidemark.ploop.device.front.SpaceQueue;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;

/**
 * A {@link BlockDevice} as one regular file: executes the request in a slot and leaves a prepared reply there. Whatever
 * goes wrong becomes an error in the reply, but for a lack of space that a {@link DeviceFront} says to wait for. Nothing here is allocated for a request. Safe for several threads, each with
 * a slot of its own.
 */
final class ImageFile {
    private static final Logger LOG = System.getLogger(ImageFile.class.getName());
    private static final int FILE_TYPE_REGULAR = 0100000;
    private static final int ACCESS_MODE_BITS = 3;
    private static final long CACHE_SECONDS = 1L << 30;

    private final BlockDevice device;
    /** The same device, for a request that was admitted before. */
    private final BlockDevice again;

    private final SpaceQueue space;
    private final int blockMask;
    /** The file ends where the window does: what lies behind it is not the container's, and it may come to be later. */
    private volatile LoopWindow window;

    /** What became of a request. */
    enum Outcome {
        /** Its reply is prepared. */
        ANSWER,
        /** It wants no reply. */
        NO_REPLY,
        /** It found no space and is to be tried again; as if nothing had happened. */
        NO_SPACE
    }

    ImageFile(BlockDevice served, LoopWindow window) {
        if (served instanceof DeviceFront front) {
            this.device = front.firstTry();
            this.again = front.furtherTry();
            this.space = front.space();
        } else {
            this.device = served;
            this.again = served;
            this.space = SpaceQueue.NOBODY_WAITS;
        }
        this.window = window;
        this.blockMask = device.blockSizeBytes() - 1;
    }

    /** Ends elsewhere from now on; the kernel asks when it is told to. */
    void show(LoopWindow shown) {
        window = shown;
    }

    /** The size of the file. */
    long sizeBytes() {
        return window.endBytes(device.sizeBytes());
    }

    /** Those who wait for space; whoever is told NO_SPACE the first time joins them. */
    SpaceQueue space() {
        return space;
    }

    /** Executes a request for the first time. One that finds no space is counted as waiting from then on. */
    Outcome execute(RequestSlot slot) {
        return execute(slot, device, true);
    }

    /** Executes a request that was admitted before, in this process or another. */
    Outcome executeLeft(RequestSlot slot) {
        return execute(slot, again, true);
    }

    /** Executes a request that waits for space. */
    Outcome executeAgain(RequestSlot slot) {
        return execute(slot, again, false);
    }

    private Outcome execute(RequestSlot slot, BlockDevice by, boolean first) {
        int opcode = slot.opcode();
        if (opcode == FuseWire.FORGET || opcode == FuseWire.BATCH_FORGET) {
            return Outcome.NO_REPLY;
        }
        try {
            dispatch(slot, opcode, by);
        } catch (OsException e) {
            if (space.concerns(e)) {
                if (first) {
                    space.begin(e);
                }
                return Outcome.NO_SPACE;
            }
            logged(opcode, e);
            slot.answerShort(allowed(e.errno()), 0);
        } catch (ImageException e) {
            logged(opcode, e);
            slot.answerShort(e.kind() == ImageException.Kind.READ_ONLY ? Errno.EROFS : Errno.EIO, 0);
        } catch (Throwable e) {
            // The edge of the serving loop: a request is answered and its thread lives, whatever happened.
            logged(opcode, e);
            slot.answerShort(Errno.EIO, 0);
        }
        return Outcome.ANSWER;
    }

    private void logged(int opcode, Throwable e) {
        LOG.log(Level.WARNING, () -> device.name() + ": request " + opcode + " failed: " + e);
    }

    /**
     * Some numbers mean something else to FUSE or to the block layer (ENOSYS to a flush: "never ask again, there is nothing
     * to flush"), so only those pass that say the same to everybody.
     */
    private static int allowed(int errno) {
        return switch (errno) {
            case Errno.ENOSPC, Errno.EDQUOT, Errno.EROFS, Errno.EOPNOTSUPP -> errno;
            default -> Errno.EIO;
        };
    }

    private void dispatch(RequestSlot slot, int opcode, BlockDevice by) throws IOException {
        switch (opcode) {
            case FuseWire.READ -> read(slot, by);
            case FuseWire.WRITE -> write(slot, by);
            case FuseWire.FSYNC -> flush(slot, by);
            case FuseWire.FALLOCATE -> fallocate(slot, by);
            case FuseWire.GETATTR -> attributes(slot);
            case FuseWire.SETATTR -> setAttributes(slot);
            case FuseWire.OPEN -> open(slot);
            case FuseWire.STATFS -> statfs(slot);
            case FuseWire.INIT -> FuseInit.answer(slot);
            case FuseWire.FLUSH, FuseWire.RELEASE, FuseWire.DESTROY -> slot.answerShort(0, 0);
            case FuseWire.LOOKUP -> slot.answerShort(Errno.ENOENT, 0);
            default -> slot.answerShort(Errno.ENOSYS, 0);
        }
    }

    private void read(RequestSlot slot, BlockDevice by) throws IOException {
        long offset = slot.argumentLong(FuseWire.IO_OFFSET);
        int size = slot.argumentInt(FuseWire.IO_SIZE);
        if (offset < 0 || size < 0 || size > FuseWire.MAX_PAYLOAD_BYTES) {
            slot.answerShort(Errno.EINVAL, 0);
            return;
        }
        int length = (int) Math.max(0, Math.min(size, sizeBytes() - offset));
        if (length == 0) {
            slot.answerShort(0, 0);
            return;
        }
        if (((offset | length) & blockMask) != 0) {
            slot.answerShort(Errno.EINVAL, 0);
            return;
        }
        by.read(offset, slot.payload(), 0, length);
        slot.answerPayload(length);
    }

    private void write(RequestSlot slot, BlockDevice by) throws IOException {
        long offset = slot.argumentLong(FuseWire.IO_OFFSET);
        int size = slot.argumentInt(FuseWire.IO_SIZE);
        int whole = FuseWire.IN_HEADER_BYTES + FuseWire.IO_BYTES + size;
        if (size <= 0 || size > FuseWire.MAX_PAYLOAD_BYTES || slot.requestLength() != whole || !within(offset, size)) {
            slot.answerShort(Errno.EINVAL, 0);
            return;
        }
        if (!device.writable()) {
            slot.answerShort(Errno.EROFS, 0);
            return;
        }
        by.write(offset, slot.payload(), 0, size);
        int body = slot.beginShortReply(FuseWire.WRITE_OUT_BYTES);
        slot.memory().putInt(body, size);
        slot.answerShort(0, FuseWire.WRITE_OUT_BYTES);
    }

    private boolean within(long offset, long length) {
        return offset >= 0 && length > 0 && offset <= sizeBytes() - length && ((offset | length) & blockMask) == 0;
    }

    private void flush(RequestSlot slot, BlockDevice by) throws IOException {
        if (device.writable()) {
            by.flush();
        }
        slot.answerShort(0, 0);
    }

    /** Both kinds read back as zeros to the byte: the kernel uses them for write-zeroes as well as for discard. */
    private void fallocate(RequestSlot slot, BlockDevice by) throws IOException {
        int mode = slot.argumentInt(FuseWire.FALLOCATE_MODE);
        boolean punch = mode == (FuseWire.FALLOC_PUNCH_HOLE | FuseWire.FALLOC_KEEP_SIZE);
        boolean zero = (mode | FuseWire.FALLOC_KEEP_SIZE) == (FuseWire.FALLOC_ZERO_RANGE | FuseWire.FALLOC_KEEP_SIZE);
        if (!punch && !zero) {
            slot.answerShort(Errno.EOPNOTSUPP, 0);
            return;
        }
        long offset = slot.argumentLong(FuseWire.FALLOCATE_OFFSET);
        long length = slot.argumentLong(FuseWire.FALLOCATE_LENGTH);
        if (slot.requestLength() < FuseWire.IN_HEADER_BYTES + FuseWire.FALLOCATE_BYTES || !within(offset, length)) {
            slot.answerShort(Errno.EINVAL, 0);
            return;
        }
        if (!device.writable()) {
            slot.answerShort(Errno.EROFS, 0);
            return;
        }
        if (punch) {
            by.discard(offset, length);
        } else {
            by.writeZeroes(offset, length);
        }
        slot.answerShort(0, 0);
    }

    private void attributes(RequestSlot slot) {
        int body = slot.beginShortReply(FuseWire.ATTR_OUT_BYTES);
        AlignedBuffer out = slot.memory();
        out.putLong(body, CACHE_SECONDS);
        int attr = body + 16;
        out.putLong(attr, FuseWire.IMAGE_NODE);
        long sizeBytes = sizeBytes();
        out.putLong(attr + 8, sizeBytes);
        out.putLong(attr + 16, sizeBytes / 512);
        out.putInt(attr + 60, FILE_TYPE_REGULAR | (device.writable() ? 0600 : 0400));
        out.putInt(attr + 64, 1);
        out.putInt(attr + 80, 4096);
        slot.answerShort(0, FuseWire.ATTR_OUT_BYTES);
    }

    /** The size is the device's; everything else about the file nobody needs to change. */
    private void setAttributes(RequestSlot slot) {
        boolean resize = (slot.argumentInt(0) & FuseWire.SETATTR_SIZE_VALID) != 0;
        if (resize && slot.argumentLong(16) != sizeBytes()) {
            slot.answerShort(Errno.EPERM, 0);
        } else {
            attributes(slot);
        }
    }

    private void open(RequestSlot slot) {
        int access = slot.argumentInt(0) & ACCESS_MODE_BITS;
        if (access != 0 && !device.writable()) {
            slot.answerShort(Errno.EROFS, 0);
            return;
        }
        int body = slot.beginShortReply(FuseWire.OPEN_OUT_BYTES);
        slot.memory()
                .putInt(
                        body + 8,
                        FuseWire.OPEN_DIRECT_IO | FuseWire.OPEN_NO_FLUSH | FuseWire.OPEN_PARALLEL_DIRECT_WRITES);
        slot.answerShort(0, FuseWire.OPEN_OUT_BYTES);
    }

    private void statfs(RequestSlot slot) {
        int body = slot.beginShortReply(FuseWire.STATFS_OUT_BYTES);
        AlignedBuffer out = slot.memory();
        out.putLong(body, sizeBytes() / 4096);
        out.putLong(body + 24, 1);
        out.putInt(body + 40, 4096);
        out.putInt(body + 44, 255);
        out.putInt(body + 48, 4096);
        slot.answerShort(0, FuseWire.STATFS_OUT_BYTES);
    }
}
