/**
 * Backup and restore: what moves data between disks and repositories. The only package here that may know ploop-core.
 *
 * <p>A disk is a {@link org.tidemark.backup.engine.DiskSource}, frozen at one instant; it says what changed, or that
 * everything has to be read and why. The thread that calls the engine plans: it turns ranges into units of up to 256
 * KiB of neighbouring chunks. Two workers read, hash, compare with the parent's map, compress and append; packs are put
 * in the background. Units in flight are bounded, and so is how far the oldest may fall behind, which bounds the open
 * pages of the map. A slow target slows the workers and nothing else.
 *
 * <p>Only the commit advances anything. Whatever fails before it leaves the previous point the latest, and the
 * tracker's bits belong to its owner, who merges them back when the backup did not commit.
 */
@NullMarked
package org.tidemark.backup.engine;

import org.jspecify.annotations.NullMarked;
