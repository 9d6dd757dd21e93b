/**
 * The virtual block device made of a chain of deltas: the top layer of the stack.
 *
 * <p>A request goes: range check, admission gate, changed-block tracker and view, cluster map, delta. See the essay at
 * {@code PloopDevice} for the rules of writing, copying up and flushing.
 */
@NullMarked
package org.tidemark.ploop.device;

import org.jspecify.annotations.NullMarked;
