/**
 * Copying the file that a running image is written to.
 *
 * <p>{@link org.tidemark.ploop.migrate.LiveCopy} is the procedure, as {@code ploop copy} and {@code vzmigrate} have it:
 *
 * <pre>
 *   tracker on | all of the file | what changed | what changed meanwhile | ... | until it stops shrinking
 *   pause | what changed last | header as that of a closed image | durable there | resume, or stay stopped
 * </pre>
 *
 * <p>It reads from a {@link org.tidemark.ploop.migrate.CopySource} and writes to a {@link org.tidemark.ploop.migrate.CopySink}:
 *
 * <ul>
 *   <li>{@link org.tidemark.ploop.migrate.PloopStreamSink} speaks the stream of {@code ploop copy} 1.15, and {@link
 *       org.tidemark.ploop.migrate.PloopStreamReceiver} understands it. Positions in it are those of the file, tables included.
 *   <li>{@link org.tidemark.ploop.migrate.CheckedStreamSink} and {@link org.tidemark.ploop.migrate.CheckedStreamReceiver} speak
 *       a stream of our own, with a checksum on every part, compression, and a way to go on after a cut.
 * </ul>
 *
 * <p>What arrives is written to a {@link org.tidemark.ploop.migrate.PartialFile}, which gets its name when it is whole and durable.
 */
@NullMarked
package org.tidemark.ploop.migrate;

import org.jspecify.annotations.NullMarked;
