/**
 * Replication: the content of a repository, copied from one target to another as it lies there. A <b>replica</b> is a
 * target that holds the same repository as its <b>source</b>: the same id, packs and records to the byte. No image is
 * read, no chunk is decompressed or decrypted; nothing is ever changed or removed on either side.
 *
 * <p>The order of writing, and what a crash after each step leaves:
 *
 * <ol>
 *   <li>{@code format.json}: an empty repository;
 *   <li>the packs that a point needs and the replica lacks, each checked before it is sent, each durable when its put
 *       returns: packs that nobody names, which the next run finds and does not send again;
 *   <li>the point's record, verbatim, after all of its packs: the point, whole.
 * </ol>
 *
 * <p>So a record on a replica says that everything its point needs is there. That is what makes an increment cheap: of
 * a map only the nodes are walked that the newest earlier point does not have too, and what those name is either new or
 * there already. Points are copied in ascending order; a point that cannot be copied because it is damaged at the source
 * is told and left out, and does not keep later ones back.
 *
 * <p>Memory: one pack for each run, reused ({@link org.tidemark.backup.replication.PackRoom}), the ids of the replica's
 * packs (about 60 bytes for 32 MiB of data) and a bounded number of records.
 *
 * <p>A run that is cut sends at most one pack again: the one that was under way. Several runs of one replica may go on
 * at once, also of several processes: every put is if-absent, and what is there already is compared.
 */
@NullMarked
package org.tidemark.backup.replication;

import org.jspecify.annotations.NullMarked;
