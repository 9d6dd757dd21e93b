/**
 * Disks for other programs, over NBD: an attached device, one instant of it with what changed since a checkpoint, a snapshot, a
 * recovery point straight from its target.
 *
 * <p>The appliance is the only one that listens on the network, with TLS. The device server speaks NBD on a Unix socket for
 * itself; what it has is passed on ({@link org.tidemark.appliance.service.export.RemoteDevice}), and goes on after a kill of the
 * device server. A point is read from the repository ({@link org.tidemark.appliance.service.export.PointDevice}).
 *
 * <p>The name of an export is a secret of 128 bits: whoever knows it may use the export, and nobody is told a list. Exports end
 * with the appliance.
 */
@NullMarked
package org.tidemark.appliance.service.export;

import org.jspecify.annotations.NullMarked;
