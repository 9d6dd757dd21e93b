/**
 * Maps: where every chunk of an image is, at one point.
 *
 * <p>A map is a tree of three levels (root, directories of 16 GiB, pages of 64 MiB) whose nodes are segments in packs.
 * A new point shares with its parent every node that did not change, so its map is complete and costs what changed: a
 * directory names for each page a complete page and up to three patches over it. Reading a chunk takes the root, one
 * directory, at most four page segments, at most four chunk segments, however many points there are. Nothing is ever
 * replayed.
 *
 * <p>References carry the SHA-256 of the node, entries that of the assembled chunk: a root's reference vouches for the
 * whole image.
 */
@NullMarked
package org.tidemark.backup.repository.map;

import org.jspecify.annotations.NullMarked;
