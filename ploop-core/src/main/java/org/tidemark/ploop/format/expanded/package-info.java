/**
 * The expanded format: the ploop image, version 2 (signature {@code WithouFreSpacExt}). Version 1 is recognised by name.
 *
 * <pre>
 *   0        64                        FirstBlockOffset                                            end of file
 *   +--------+---------------------+---+--------------+--------------+-- ... --+--------------+--- - - -
 *   | header | BAT: u32 per cluster| 0 | cluster k    | cluster k+1  |         | cluster m    | grown ahead
 *   +--------+---------------------+---+--------------+--------------+-- ... --+--------------+--- - - -
 *    \_____________ whole clusters 0 .. k-1 _________/
 * </pre>
 *
 * <p>A BAT entry is the number of a cluster, counted from byte 0 of the file; 0 means "not here". There is no mark for zeros.
 *
 * <p><b>Allocation</b> appends. The file grows ahead in large steps, so that a write into a new cluster does not change its
 * size; what is surplus goes back when the image is closed, or is cut off by recovery. The number of the next cluster lives in
 * an {@link org.tidemark.ploop.format.AllocationCursor} outside the process. A cluster that was handed out and did not make it
 * into the map is punched and handed out again.
 *
 * <p><b>Mark of use.</b> Set durably before the first write, cleared as the very last thing after everything else is durable.
 * A set mark found at opening means a crash, or somebody else.
 *
 * <p><b>Format extension</b> (it carries a stored bitmap of changes). We do not know any of its features yet. Rules: it
 * counts only when the image was closed by a writer that knew it (mark "v2.1"). A feature flagged NECESSARY refuses every
 * opening. A feature flagged TRANSIT, or an extension that cannot be read, refuses opening for writing. Anything else is
 * dropped by the first writer, together with the mark of use, so that nobody trusts it afterwards.
 */
@NullMarked
package org.tidemark.ploop.format.expanded;

import org.jspecify.annotations.NullMarked;
