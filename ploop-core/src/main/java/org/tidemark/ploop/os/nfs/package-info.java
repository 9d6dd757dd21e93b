/**
 * NFS version 3 in user space: libnfs, called through jnr-ffi. No mount, no kernel client, no privilege.
 *
 * <p>{@link org.tidemark.ploop.os.nfs.NfsClient} is what callers see: files of one export by path or by {@link
 * org.tidemark.ploop.os.nfs.NfsHandle}, each call with a limit, each failure typed. {@link
 * org.tidemark.ploop.os.nfs.NfsConnection} is the one over libnfs; a simulated server is another.
 *
 * <p><b>What is durable.</b> RFC 1813: the server has made a change of names (create, link, rename, remove, folders)
 * durable when it answers. A WRITE that is UNSTABLE is not; COMMIT makes it so, if the write verifier in its answer is
 * the one of the WRITE's answer. Another verifier says that the server has restarted in between and may have forgotten
 * the data: whoever wrote has to keep them until then, and to write them again. The high-level calls of libnfs do not
 * show the verifier, therefore READ, WRITE and COMMIT go through its RPC calls.
 *
 * <p><b>What may have happened.</b> A connection that breaks leaves open whether the last request was carried out. Reading and
 * writing again is harmless; a name that exists already after a second attempt may be of the first.
 *
 * <p><b>libnfs 4.0</b>, the one of Debian 12: its NFSv4 is broken for larger writes, so version 3 only. Its own
 * reconnecting tries without pause, so it is off, and a broken connection is opened anew by whoever uses it. Functions
 * with six arguments are not called (see the page of {@code os}). A handle that is null kills the process: every
 * answer is checked before it is used. Because native code that goes wrong takes its process along, whoever serves others uses this in a process of
 * its own.
 */
@NullMarked
package org.tidemark.ploop.os.nfs;

import org.jspecify.annotations.NullMarked;
