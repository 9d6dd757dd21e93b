/**
 * The processes of the data plane: the holder, the device server, and how programs talk to them.
 *
 * <p><b>Two processes.</b> The <i>device server</i> serves every attached device and may die at any moment, also on purpose
 * (upgrade). The <i>holder</i> does nearly nothing, so it hardly ever dies: it keeps a duplicate of every descriptor that must
 * not be closed (FUSE connections, image locks), starts the device server again when it is confirmed dead (a pidfd says so,
 * never a time-out), and thaws file systems whose freezer died or came too late.
 *
 * <pre>
 *   CLI, appliance --- control.sock (JSON lines) ---&gt; device server --- holder.sock (messages + descriptors) ---&gt; holder
 *         \--------------- holder.sock (freeze watch only) ------------------------------------------------------/
 * </pre>
 *
 * <p><b>Who dies, what happens.</b>
 *
 * <ul>
 *   <li>Device server: the holder starts a successor. It takes the descriptors back, reads the records in the run folder,
 *       settles requests in flight and serves. Containers see a pause.
 *   <li>Holder: the device server notices (its connection hangs up), starts a new holder and gives it duplicates of
 *       everything. The new holder finds the running device server by the record in the run folder and watches it.
 *   <li>Both at once: when a service manager started the holder, that has duplicates of everything
 *       ({@link org.tidemark.ploop.server.DescriptorStore}), starts it again and hands them over: a pause. Otherwise the kernel
 *       ends the FUSE connections, containers see I/O errors, and the next device server clears what is left.
 * </ul>
 *
 * <p><b>Under a service manager</b> ({@link org.tidemark.ploop.server.ManagedService}) the holder is the main process of its
 * service. The device server does not start the next holder then, but waits for the manager to do it, five seconds at most;
 * programs do not start a data plane of their own. A holder that finds another one in its place stands by.
 *
 * <p><b>Run folder.</b> On tmpfs, one for each pair of processes ({@link org.tidemark.ploop.server.RunFolder}): sockets, locks,
 * logs (bounded), and for each device its record, its state area and its mount point. A record is written before anything
 * that it describes exists and removed after the last of it is gone, so a successor can always finish or undo.
 *
 * <p><b>Locks.</b> {@code ServedDevices} guards its table by itself; each {@code ServedDevice} has a lock that attach, detach
 * and take-over of that one device hold for as long as they take. No lock is shared between devices, so none waits for
 * another one's image. The data path takes none of them.
 *
 * <p><b>Control protocol.</b> One JSON object a line, at most 1 MiB. The first request is {@code hello} with the lowest and
 * the highest protocol version that the client speaks; the server picks. Unknown fields are ignored, unknown commands are
 * refused. An error has a kind ({@link org.tidemark.ploop.server.ControlException.Kind}) and a sentence.
 */
@NullMarked
package org.tidemark.ploop.server;

import org.jspecify.annotations.NullMarked;
