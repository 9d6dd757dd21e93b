/**
 * Where the requests of a container enter a device: what it may use, what happens when the disk below is full, and that
 * backups give way to it. One {@link org.tidemark.ploop.device.front.DeviceFront} a device, over the device itself; the FUSE
 * file and the NBD export of the device share it, views do not.
 *
 * <p><b>No device waits for another.</b> Whoever has to wait here waits outside the device's gate and in threads of its
 * own device, so an instant, a detach or another device never waits for it. A request that does not have to wait
 * costs a few atomic operations and allocates nothing.
 *
 * <p><b>Limits</b> ({@link org.tidemark.ploop.device.front.IoLimit}). Requests and bytes a second, reads and writes
 * together, as two buckets of tokens. A request waits until those before it are paid for, never for its own price, so even a
 * request larger than the bucket goes through. Flushes are free, a discard is a request without bytes.
 *
 * <p><b>A full disk</b> ({@link org.tidemark.ploop.device.front.FullDisk}). A write that finds no space below has changed
 * nothing that was acknowledged; it is tried again until there is space, or fails, as the device is told. Waiting is the
 * default, as in qemu ({@code werror=enospc}): a file system that gets ENOSPC from a disk has lost the data, for it said yes to its
 * writer long before, and mostly tells nobody. A waiting request is not acknowledged, so a kill, a take-over or an abort
 * meanwhile finds nothing to keep but the request itself. The FUSE file puts the request aside in its slot, not the thread that
 * serves it, so reads, and writes to places that have space, go on however many wait ({@link
 * org.tidemark.ploop.device.front.SpaceQueue}); the four threads of an NBD connection wait themselves, which holds up that connection.
 *
 * <p><b>A storm gives way to syncs</b> ({@link org.tidemark.ploop.device.front.DiskSeat}). A sync waits for what lies in the
 * disk's queue before it, so a neighbour with dozens of large requests there makes each sync as slow as all of them. While a
 * device of the same disk syncs, the others have two large requests each at the disk. A sequential writer keeps about half of
 * what it gets alone, a file system's sync stays near its own time. Devices see each other's last sync, and never wait for
 * each other.
 *
 * <p><b>Backups give way</b> ({@link org.tidemark.ploop.device.front.BackupTurns}). While the container is active, views are
 * read one request at a time, and after each there is a pause as long as the read took. So a backup has at most half of one
 * request's share of the disk, however fast or slow the disk is, and always goes on.
 */
@NullMarked
package org.tidemark.ploop.device.front;

import org.jspecify.annotations.NullMarked;
