/**
 * A bucket of any S3-compatible store as a target.
 *
 * <p><b>Create-if-absent</b> is a put with {@code If-None-Match: *}. Not every store honours it, and a store that does
 * not says nothing, so the {@link org.tidemark.backup.target.s3.S3Probe} finds out: the second put of a key must be
 * refused, and of eight at once one may win. Where that does not hold the target goes on in <em>single-writer mode</em>: a
 * put first looks and then writes, {@code capabilities().shared()} is false, and the notice says that no second appliance may
 * write there. Before it was probed a target sends the condition and promises nothing.
 *
 * <p><b>Multipart.</b> A blob above the threshold goes up in parts, a few at once. Stores exist that ignore the
 * condition on completion, so the key is looked for before that; a lost race there is harmless, as only packs are that
 * large and their names are random. Log records are far below the smallest allowed threshold. The usual pack of 32 MiB
 * is one conditional put by default: parts cost four requests instead of one and buy nothing while two packs are on
 * their way at once anyway.
 *
 * <p><b>Absence is never proof.</b> A missing key is NOT_FOUND only when the bucket itself answered. A missing bucket
 * is UNREACHABLE, also when it was there a moment ago. A bucket that was deleted and made again answers like an empty
 * one; that is found out above, where the repository's identity is known.
 *
 * <p><b>Failures.</b> {@code S3Errors} is the one place that knows codes and exceptions. The SDK repeats nothing here:
 * {@link org.tidemark.backup.target.RetryingTarget} does. The SDK's blocking client is used, one connection for each request
 * under way; nothing is asynchronous.
 *
 * <p><b>Credentials</b> that cannot delete are the recommended ones. The only objects that this package ever removes
 * are its own under {@code probe/}, and it does without.
 */
@NullMarked
package org.tidemark.backup.target.s3;

import org.jspecify.annotations.NullMarked;
