/**
 * A disk in memory that may crash at any moment, and what a test needs around it.
 *
 * <p>{@link org.tidemark.ploop.sim.SimulatedDisk} is one folder of files. What programs read is the <i>visible</i> state. What
 * would survive a power cut is the <i>durable</i> state. Between the two stands one list of pending operations, in the order
 * in which they were made, over all files and all names. {@code flush} of a file moves that file's operations to the durable
 * state, {@code sync} of the folder those on names. A crash decides for each pending operation what became of it.
 *
 * <pre>
 *   SimulatedDisk disk = new SimulatedDisk();
 *   ... create, write, flush through the ImageDirectory and ImageIo interfaces ...
 *   SimulatedDisk after = disk.crash(random);      // the machine after power came back; disk itself is untouched
 *
 *   disk.faults().failNth(3, attempt -&gt; attempt.kind() == Kind.WRITE, Errno.EIO);
 *   disk.faults().powerOffAt(disk.faults().operations() + 17);
 *   disk.limitBytes(1 &lt;&lt; 20);
 * </pre>
 *
 * <p>{@link org.tidemark.ploop.sim.DiskModel} says which values each sector of a virtual disk may have after a crash. {@link
 * org.tidemark.ploop.sim.OrderCheckedDirectory} fails a test at the moment a table entry is written that names a cluster whose
 * data was not flushed. Nothing here reads a clock; everything comes from the generator that the test passes in.
 */
package org.tidemark.ploop.sim;
