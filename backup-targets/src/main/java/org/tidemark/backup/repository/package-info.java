/**
 * The content of one target: packs, maps and a commit log per container. The format is docs/format/repository.md; this
 * is the code for it.
 *
 * <p>{@link org.tidemark.backup.repository.BackupRepository} is the door. A {@link
 * org.tidemark.backup.repository.BackupSession} writes one recovery point: chunks go into packs as they come, maps and
 * the log record at commit. A {@link org.tidemark.backup.repository.RecoveryPointReader} reads one, at any place of any
 * image, without the point's ancestors.
 *
 * <p>What may be relied on:
 *
 * <ul>
 *   <li>a point is there entirely or not at all, whatever fails when;
 *   <li>a committed point never changes, and no code here can remove it;
 *   <li>bytes that are given out were compared with the SHA-256 recorded when they were backed up.
 * </ul>
 *
 * <p>Methods that reach the target throw {@link java.io.IOException}: a {@link
 * org.tidemark.backup.repository.RepositoryException} when what is stored does not allow what was asked, a {@link
 * org.tidemark.backup.target.TargetException} when the target does not. Packages below: {@code chunk}, {@code pack},
 * {@code map}, {@code log}, {@code index}, {@code verify}. Nothing here knows disks or trackers; that is the engine's.
 *
 * <p>Locks, outer to inner: session image (its map) - pack writer - index. No lock is held while a pack is put, but a
 * session waits for a free slot.
 */
@NullMarked
package org.tidemark.backup.repository;

import org.jspecify.annotations.NullMarked;
