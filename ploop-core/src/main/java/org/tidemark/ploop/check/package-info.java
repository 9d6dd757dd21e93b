/**
 * Checks images without changing them. What is found is a {@link org.tidemark.ploop.check.Finding}; a file that cannot be
 * checked at all (no signature, header without sense) throws {@link org.tidemark.ploop.io.ImageException} instead.
 *
 * <p><b>Bounded memory.</b> Two bits for each cluster that the file really has, nothing by a number that only the header
 * claims. A file larger than what the bits are made for is refused.
 *
 * <p><b>Images in use.</b> A check of an image that somebody writes may see a moment in between. The caller takes a lock
 * first, or passes over findings of an image that is marked in use.
 */
@NullMarked
package org.tidemark.ploop.check;

import org.jspecify.annotations.NullMarked;
