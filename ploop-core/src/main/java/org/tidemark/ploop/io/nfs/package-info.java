/**
 * Images on an NFS server, by version 3 of the protocol, without a mount.
 *
 * <p><b>Parts.</b> {@link org.tidemark.ploop.io.nfs.NfsImageDirectory} is what others see. {@code NfsConnections}: a few connections,
 * each for one request at a time, and the patience with a server that is away. {@code NfsFile}: one file, with {@code
 * UncommittedLog} (what was written and is not durable, in kept memory), {@code NewestWrites} (which of it is newest, byte by
 * byte) and {@code Doubts}. {@code NfsNames}: changes of names. {@code NfsLocks}, {@code NfsLock}, {@code LockRecords}: who may write.
 *
 * <p><b>Durability, in this order.</b>
 *
 * <ol>
 *   <li>A write is put into the log: place, length, data. Only then is it sent, UNSTABLE. <i>Dying here</i> leaves a record that
 *       nobody was told of; its range is in doubt.
 *   <li>The answer comes: the record is marked ANSWERED, then the caller is told. <i>Dying here</i> loses nothing: a successor
 *       reads the record from the log and writes it again before it serves anything.
 *   <li>A flush sends COMMIT on each connection that carried a record. A record is durable when the COMMIT was answered on the
 *       very connection that carried it, with the verifier that all parts of its write were answered with. A server whose
 *       verifier is only as fine as a second may restart unseen by the verifier, but not unseen by the connection; one behind
 *       a proxy not unseen by the verifier.
 *   <li>While a record is not, its newest bytes are sent again, and all of this is done once more, until the patience ends: then
 *       the flush fails and the file is suspect for good.
 *   <li>Only when all records that the flush began with are durable are they released, oldest first. <i>Dying in between</i>
 *       leaves newer ones, never an older one without the newer one that overwrote it.
 * </ol>
 *
 * <p>Reads take from the log first what it has, and from the server only what is durable there: a server that has just forgotten
 * everything shows nothing. A cut or an extension of the file commits everything first, and is durable on return. Zeros are written;
 * version 3 has no holes.
 *
 * <p><b>Late requests.</b> A connection that breaks leaves open what becomes of the request that was on its way. It is sent again on
 * another one; and the server may carry the first one out after that, at any time, also after newer data went to the same
 * bytes. Version 3 has no means against it but a cache of replies, which needs the request to come again with the same
 * number from the same address, and which not every server has. Here: (1) a socket that is closed, or whose process dies, throws
 * away what it has not sent; (2) bytes for which a request was lost are in doubt, and nothing newer is sent to them, so that
 * whatever comes late writes what is there anyhow; (3) the doubt ends when a later connection shows another verifier, because a
 * server that restarts forgets its requests, or when the server has been answering for the settle time: twenty times as long as its
 * slowest answer lately has taken, or a request that was lost in silence; at least 2 s, at most 60 s; (4) doubts, and whatever is on its way, are in the kept memory, so that a successor waits too, except
 * with the very same data, which the kernel asks it for, and knows how long that is; (5) names in doubt wait in the same way (a
 * successor waits before it does anything), and names of files in progress are used once. <i>Assumed</i>: a request whose connection is broken is carried out within the settle time or never, and a
 * server changes its verifier only by a restart, which no connection survives. (The Linux server changes it also when its disk
 * fails a write-back: a broken connection, a delayed request and such a failure at once are not covered.)
 *
 * <p><b>Patience.</b> While the server is away requests wait, with pauses of up to 5 s. After ten minutes without any answer, or a flush that
 * fails, they throw SUSPECT: the device becomes read-only and says so, as an error that cannot be mended makes it. From then on
 * each request tries once.
 *
 * <p><b>Names.</b> Their changes are durable when they are answered. A name that exists already, or is gone, after a request that was
 * repeated is compared with the file it was meant for. A new file is made under a name that is used once and gets its own by a link,
 * which two cannot both make. A file that is open keeps a hidden name when it is deleted, because a server ends it with its last
 * name. Hidden names say which process made them ({@code OwnNames}); who locks something in a folder removes those of processes of
 * this boot of this host that have ended.
 *
 * <p><b>Locks.</b> Records beside the file, named by its number on the server, so that they follow a rename and are the same by
 * whichever export, or name of the server, the folder is reached:
 *
 * <pre>
 * .tidemark-nfs-owner-FILE-N      exclusive locks, numbered; only the highest counts, and says whether it is held
 * .tidemark-nfs-reader-FILE-...   a shared lock each
 * </pre>
 *
 * <ul>
 *   <li>An owner links its record as number N+1 when N is released (or its process is dead, on this very boot of this machine, as seen
 *       from the same space of process numbers), looks again that nobody was faster, then looks for readers, then removes what is below N+1, oldest
 *       first. A reader makes its record first and looks for an owner then. So of two at least one sees the other.
 *   <li>Letting go is a change of the content. The highest record stays: a number is never used twice, so nothing that comes late removes
 *       another one's lock.
 *   <li>An owner renews three times in a lease: it writes to its record, then looks that N+1 is not there, then that N is. It writes to
 *       the image only within half a lease from the beginning of the last renewal; after that (a server that was away, a pause of the process) each
 *       write waits for a renewal first. When that shows another owner, it never writes again: SUSPECT.
 *   <li>Nobody else takes over, however long there was no renewal: clocks are not compared, and an owner that is silent may be one that is
 *       cut off. An operator breaks the lock: {@link org.tidemark.ploop.io.nfs.NfsImageDirectory#breakLock} watches for a whole
 *       lease that nobody renews, takes N+1 for itself, holds that for half a lease, a request and the settle time, and lets go of it.
 * </ul>
 *
 * <p><b>What a successor may take over.</b> An owner's record holds the number of its <i>series</i>, drawn at random; so does the kept
 * memory of the file, with the file's handle. Whoever takes N+1 goes on with the series of record N when its own kept memory is of that
 * series, else it begins a new one. Numbers follow each other, so nobody has had the file in between. Kept memory of another series (an
 * operator broke the lock and another host wrote, or a command on this host) or another handle (the file was made anew with the
 * same number) is neither shown nor written: the file is SUSPECT until it is closed, also when nothing was left to write, for what lies
 * above still believes in what it has read. Acknowledged writes that were not flushed are lost then, as when the attachment is. <i>Dying</i>
 * anywhere in this leaves record and memory as they were, or the record of the next number with the same series.
 *
 * <p>What a lock cannot do: a process that is stopped between looking at the lease and sending, for longer than all of that, and goes on
 * after an operator has broken its lock, sends one more write. The operator vouches that the host is dead.
 *
 * <p><b>Monitors</b>, in the order in which they are taken: open files of the export; rounds of a file (who commits or cuts); a file; the
 * connections. Apart from these, a lock's. A connection is never waited for by whoever has one. Nothing is asked of a server with the
 * monitor of a file or of the connections.
 */
@NullMarked
package org.tidemark.ploop.io.nfs;

import org.jspecify.annotations.NullMarked;
