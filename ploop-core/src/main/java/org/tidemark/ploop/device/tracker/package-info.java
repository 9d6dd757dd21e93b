/**
 * The write tracker: which parts of the top delta's file changed since somebody last cleared them. It is what a live copy of a
 * running image rests on, as ploop's {@code TRACK_INIT}, {@code TRACK_READ} and {@code TRACK_STOP} were.
 *
 * <pre>
 *   copier                               writer
 *   clears the bits of a range           marks the range
 *   reads the range                      changes the file
 *   sends it                             marks the range
 * </pre>
 *
 * <p>The copier clears before it reads, and the writer marks after it wrote: either the copier read the change, or its mark comes
 * after the clearing and the range is read once more. (Reading first and clearing afterwards, as one version of the original
 * does, loses what is written in between.) The mark before the change is for a writer that is killed between the two: its
 * successor does the change again or leaves it half done, and either way the range has its mark.
 *
 * <p>One bit stands for 4 KiB of the file. The bits are in the device's state area: a successor after kill -9 goes on with
 * them.
 */
@NullMarked
package org.tidemark.ploop.device.tracker;

import org.jspecify.annotations.NullMarked;
