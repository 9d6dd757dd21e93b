/**
 * A block device as one regular file of a FUSE mount, by plain reads and writes of /dev/fuse, with a loop device over it.
 *
 * <p><b>Path of a request.</b> File system, loop device (direct I/O), FUSE, a serving thread, {@link
 * org.tidemark.ploop.device.BlockDevice}. The thread reads so that the data of a WRITE lands on a page boundary and can go
 * to the image by direct I/O as it is; a READ's data is read into the same place and leaves with the reply's header put
 * right before it. Nothing is copied or allocated in between. Each device has its own threads and one shared descriptor.
 *
 * <p><b>What survives kill -9.</b> The kernel keeps a request that was handed out until it is answered, as long as somebody
 * holds the FUSE descriptor (the holder process does). But it does not tell the successor which ones were handed out, and
 * only Linux 6.9 can hand them out again. So each thread's request lies in memory on tmpfs ({@code RequestSlot}), and the
 * successor finds it there. Four things make this safe:
 *
 * <ol>
 *   <li><i>No request falls between kernel and slot.</i> The thread clears the length word of the slot <i>before</i> it reads
 *       from /dev/fuse, and the kernel itself writes that word, with the request. There is no moment at which the request is
 *       handed out but the slot looks empty. If the kernel cannot copy a request as a whole, it fails that request itself;
 *       what lies in the slot then has a length that does not fit, is refused as EINVAL, and the kernel answers ENOENT. (The
 *       slots' pages are locked in memory, or at least touched, so that this does not happen because of a kill.)
 *   <li><i>What was not answered is executed.</i> A request without a prepared reply was certainly not answered, because the
 *       reply is prepared (one store of the state word, after the I/O and after the reply's bytes) before it is sent. Its
 *       client still waits, so its write is concurrent to every other write that was acknowledged since, and executing it
 *       (again) is one of the allowed orders.
 *   <li><i>What may have been answered is never executed again.</i> Its client may have gone on and written something newer
 *       to the same place; to write the old data once more would destroy it. The prepared reply is sent again. The kernel
 *       numbers requests without ever using a number twice, so a doubled reply meets no request and is refused with ENOENT.
 *   <li><i>First all slots, then the kernel.</i> Only when every slot is settled and empty does the successor send
 *       FUSE_NOTIFY_RESEND, and only after that does it read. Sent earlier, a request could be both in a slot (under its old
 *       number) and in the kernel's queue (under the new one, with bit 63 set), and would be executed twice, the second time
 *       perhaps after its answer. After it, whatever the kernel still hands out was in no slot, so it was never executed by
 *       somebody who could have answered it. A reply carries the number as it came, with bit 63 or without.
 * </ol>
 *
 * A request that waits for space stays RECEIVED in its slot, and the thread that received it serves on with another slot.
 * For a successor it is like one that was cut off: not answered for certain. When it finds no space either, a kernel that
 * has heard FUSE_NOTIFY_RESEND hands it out again, so its slot is emptied before the first request is read; where the kernel
 * does not know the notice, the slot is kept. Never both: a request that lay in a slot and came again might be executed
 * after its answer.
 *
 * <p>The successor starts only when the predecessor is confirmed dead with all its threads; two servers on one descriptor
 * would break the second rule. Recovery itself may be killed and begun again at any point: it moves slots by the same
 * stores as serving does.
 *
 * <p><b>Zeros.</b> PUNCH_HOLE is what the kernel sends for write-zeroes too, so both it and ZERO_RANGE read back as zeros to
 * the byte.
 *
 * <p><b>Errors.</b> Every request gets an answer and no thread dies of one. Only such error numbers reach the kernel as mean
 * the same to everybody; the rest is EIO.
 *
 * <p><b>Who may not look.</b> A process that calls stat on the mount point waits for an answer from here. Nothing that
 * supervises, starts or stops a device server may do that; the mount table tells what it needs.
 */
@NullMarked
package org.tidemark.ploop.device.attach.fuse;

import org.jspecify.annotations.NullMarked;
