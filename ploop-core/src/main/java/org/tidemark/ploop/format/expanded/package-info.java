/**
 * The expanded format: the ploop image, version 1 and 2.
 *
 * <pre>
 *   0        64                        FirstBlockOffset                                            end of file
 *   +--------+---------------------+---+--------------+--------------+-- ... --+--------------+--- - - -
 *   | header | BAT: u32 per cluster| 0 | cluster k    | cluster k+1  |         | cluster m    | grown ahead
 *   +--------+---------------------+---+--------------+--------------+-- ... --+--------------+--- - - -
 *    \_____________ whole clusters 0 .. k-1 _________/
 * </pre>
 *
 * <p>A BAT entry names a cluster: version 2 by its number, counted from byte 0, version 1 by its sector; {@link
 * org.tidemark.ploop.format.expanded.ClusterGrid} is the one place that knows. 0 means "not here". There is no mark for zeros.
 *
 * <p><b>Allocation</b> fills holes, then appends. The set of free clusters is found from the whole table before the first one
 * is handed out, and lives with the number of the next cluster in an {@link org.tidemark.ploop.format.AllocationCursor}
 * outside the process. The file grows ahead in large steps; what is surplus goes back when the image is closed, when also
 * clusters from its end move into holes.
 *
 * <p><b>Mark of use.</b> Set durably before the first write, cleared as the very last thing after everything else is durable.
 * A set mark found at opening means a crash, or somebody else.
 *
 * <p><b>Format extension</b> (it carries stored bitmaps of changes): see {@link
 * org.tidemark.ploop.format.expanded.FormatExtension}. It counts only when the image was closed by a writer that knew it
 * (mark "v2.1"). The first writer takes the extension out together with that mark, so that nobody trusts it afterwards; features
 * that must be carried along are written again when the image is closed, and so are bitmaps that somebody kept current.
 */
@NullMarked
package org.tidemark.ploop.format.expanded;

import org.jspecify.annotations.NullMarked;
