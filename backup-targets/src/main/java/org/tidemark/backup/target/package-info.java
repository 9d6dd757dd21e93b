/**
 * Where backups go: the narrow waist between the repository and storage.
 *
 * <p>A target keeps <em>blobs</em> under <em>keys</em>. A blob is created once, whole, and never changes: the only
 * writing verb is {@link org.tidemark.backup.target.BackupTarget#putIfAbsent}. There is no verb that overwrites and
 * none that deletes, so no defect above this line can destroy a backup. Deleting will be another interface, for the
 * collector alone, with credentials of its own.
 *
 * <p>Absence is never proof. A target that has lost its root (unmounted, exported anew, replaced) must fail with
 * {@link org.tidemark.backup.target.TargetException.Kind#UNREACHABLE}; it must not answer with an empty listing or "not
 * found".
 *
 * <p>This layer knows nothing of packs, points or disks. What concerns every target (counting, retrying, limiting) is a
 * decorator of the same interface.
 */
@NullMarked
package org.tidemark.backup.target;

import org.jspecify.annotations.NullMarked;
