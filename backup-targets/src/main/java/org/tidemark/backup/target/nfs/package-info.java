/**
 * A target on an NFS server, spoken to directly: no mount, no kernel client, no privilege on this host.
 *
 * <p><b>Two processes.</b> libnfs is native code; if it crashes, it takes its process along. So it lives in a child, {@link
 * org.tidemark.backup.target.nfs.NfsTargetProcess}, one for each target that is open, and {@link
 * org.tidemark.backup.target.nfs.NfsTarget} hands each call to it over a Unix socket in a private folder. A child that
 * dies costs the calls that were under way, which fail and may be tried again; the next call starts another child. A child that says
 * nothing for longer than its server may take is killed. It ends by itself when its parent does.
 *
 * <p><b>A put</b> ({@code NfsFolder}) has the steps of the mounted target, and what a crash leaves after each is the same:
 *
 * <ol>
 *   <li>a file with a random name is created in {@code .tmp};
 *   <li>up to 16 MiB are written UNSTABLE, several requests at a time, then committed. They stay in memory until the verifier of the
 *       commit is that of every write; otherwise, and whenever the connection broke meanwhile, they are written again;
 *   <li>when all is durable the file gets its name by LINK, which fails when the name is taken: create-if-absent, between any
 *       hosts. An answer may be lost and the request be repeated: a name that exists is ours if it is the same file;
 *   <li>the random name is removed.
 * </ol>
 *
 * <p>A server makes names durable before it answers, so that no folder has to be synced.
 *
 * <p><b>Patience.</b> A server that is away is tried again with growing pauses for {@code PATIENCE}; then the call fails, and whoever made it
 * decides ({@code RetryingTarget} for jobs). An answer, of whatever part of a call, begins that time anew.
 *
 * <p><b>Identity.</b> The root has the marker of every folder target. It is looked at before every put and listing and after
 * every miss, so that another export under the same address is an error and never an empty target.
 */
@NullMarked
package org.tidemark.backup.target.nfs;

import org.jspecify.annotations.NullMarked;
