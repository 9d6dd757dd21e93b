/**
 * The qcow2 format, versions 2 and 3. Source of the byte-level facts: the specification that comes with QEMU
 * (docs/interop/qcow2); docs/format/qcow2.md says what of it is read and written.
 *
 * <pre>
 *   L1 table -> L2 tables -> clusters of the file          refcount table -> refcount blocks -> a count for each cluster
 * </pre>
 *
 * <p><b>Physical clusters.</b> A map page has 32 bits for each cluster: the host cluster for plain ones that may be written
 * in place, a look-up number for everything else ({@link org.tidemark.ploop.format.qcow2.PhysicalCluster}): shared with a
 * snapshot, compressed, partly in the backing file. Those are never written in place; the device copies them up.
 *
 * <p><b>Order of writing.</b> A count is in the file before its cluster is handed out, and goes down only after whatever
 * named the cluster is durably gone. Data and counts are durable before the L2 entry that names them, L2 tables before their
 * L1 entry. So at every instant the file is a valid image whose counts may be too high: a crash leaks clusters, no more.
 *
 * <p><b>Mark of use.</b> Version 3: the dirty bit, set durably before the first change, cleared as the very last thing. An
 * image that has it is recovered: counts are computed anew. Version 2 has no mark.
 *
 * <p><b>Repair.</b> {@link org.tidemark.ploop.format.qcow2.TableRepair} makes tables agree that contradict each other: {@code
 * TablePlaces}, {@code EntryRepair}, {@code OwnershipRepair} and {@code RefcountRebuild} are its steps, {@code FreshClusters}
 * the room for copies. Nobody has the image open then.
 *
 * <p><b>Locks.</b> {@code HostClusters} guards counts, cursor and free clusters; {@code L1Table} guards the L1 entries that
 * wait; {@code ClusterReader} keeps clusters from being let go of while somebody reads them by look-up.
 */
@NullMarked
package org.tidemark.ploop.format.qcow2;

import org.jspecify.annotations.NullMarked;
