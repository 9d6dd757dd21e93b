/**
 * Making a device visible: to the kernel as a block device, and what has to outlive the process that does it.
 *
 * <p>A {@link org.tidemark.ploop.device.attach.DeviceExporter} works in two steps, because between "the kernel knows the
 * connection" and "the kernel sends requests" the connection's descriptor must be given to somebody who outlives this
 * process. The {@link org.tidemark.ploop.device.attach.TmpfsStateArea} keeps what was acknowledged but is not in the image.
 */
@NullMarked
package org.tidemark.ploop.device.attach;

import org.jspecify.annotations.NullMarked;
