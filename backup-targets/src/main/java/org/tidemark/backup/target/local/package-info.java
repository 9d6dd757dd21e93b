/**
 * A target in a folder of a file system that this host has mounted.
 *
 * <p>A blob is a file. It is written under a temporary name, made durable, and then given its name with {@code
 * link(2)}, which fails when the name is taken: that is create-if-absent, also between hosts on NFS. Steps and what a
 * crash leaves after each:
 *
 * <ol>
 *   <li>temporary file created and written: a nameless rest in {@code .tmp};
 *   <li>file synced: the same, now durable;
 *   <li>linked: the blob, or after power loss nothing; the name is not promised yet, but never names half a file;
 *   <li>folder synced: the blob. From here on the put may return;
 *   <li>temporary name removed: nothing left over.
 * </ol>
 *
 * <p>The root carries the file {@code .tidemark-target} with a random id. It is looked at before every put and listing
 * and after every miss: an unmounted root is an error, and never an empty target.
 */
@NullMarked
package org.tidemark.backup.target.local;

import org.jspecify.annotations.NullMarked;
