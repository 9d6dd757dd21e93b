/**
 * Checks images without changing them, and repairs them. What is found is a {@link org.tidemark.ploop.check.Finding}; a file that cannot be
 * checked at all (no signature, header without sense) throws {@link org.tidemark.ploop.io.ImageException} instead.
 *
 * <p><b>Bounded memory.</b> Two bits for each cluster that the file really has, nothing by a number that only the header
 * claims. A file larger than what the bits are made for is refused.
 *
 * <p><b>Repair.</b> {@link org.tidemark.ploop.check.ChainRepair} goes through the files of a chain; {@link
 * org.tidemark.ploop.check.ExpandedRepair} and {@link org.tidemark.ploop.check.Qcow2Repair} mend one. What they change is
 * durable in an {@link org.tidemark.ploop.check.UndoFile} before; {@code UndoRecorder} sees to that for whoever writes through
 * it, {@code UndoSubject} knows what an undo file must know of a format.
 *
 * <p><b>Images in use.</b> A check of an image that somebody writes may see a moment in between. The caller takes a lock
 * first, or passes over findings of an image that is marked in use.
 */
@NullMarked
package org.tidemark.ploop.check;

import org.jspecify.annotations.NullMarked;
