/**
 * The changed-block tracker (CBT): which parts of the virtual disk changed since a checkpoint, for any number of consumers,
 * across restarts, kills and power loss.
 *
 * <p><b>Generations.</b> Time is cut into generations by checkpoints. A write marks the current generation's bitmap, one
 * bit for 4 KiB. Taking a checkpoint ends the generation and starts the next one; nothing is copied and nothing is
 * cleared. "Changed since checkpoint g" is the union of the bitmaps of generation g and later. A consumer (a target)
 * names the checkpoint of its newest committed recovery point; generations that nobody needs apart are merged.
 *
 * <p><b>kill -9.</b> The bitmaps and their list lie in the device's {@link org.tidemark.ploop.device.StateArea}.
 *
 * <p><b>Power loss.</b> A file beside the image holds the bitmaps as of the last {@code persist}, and an intent map with one
 * bit for a region of 4 MiB. The bit of a region is durable before the first write to it; it is cleared only after the
 * region's bits are durable, and its data too: what a backup has read and a power loss takes back has changed. After a
 * power loss every open region counts as changed.
 *
 * <pre>
 * order in mark()                          order in persist()
 *   1 set the bits, flag their page          1 clear "touched" of every region
 *   2 region open and touched? else           2 flush the device
 *     open it durably                         3 clear page flags, copy and write the pages, fdatasync
 *   3 (caller) write to the image             4 write the header, fdatasync
 *   4 as 2                                    5 close open regions that were not touched again
 * </pre>
 *
 * A mark that finds its region touched before step 1 of persist set its bits before step 3, so they are durable when step 5
 * closes the region; a mark after step 1 touches the region again, so step 5 leaves it open. The same goes for the data: a
 * write that ended before step 1 is flushed by step 2, any other one touches its region once more when it has ended.
 *
 * <p><b>Never a subset.</b> Whatever cannot be proven starts a new tracker identity: every checkpoint of the old one is
 * unknown from then on, and a backup reads everything once.
 */
@NullMarked
package org.tidemark.ploop.device.cbt;

import org.jspecify.annotations.NullMarked;
