/**
 * Deep verification: everything a point needs is read from the target, decompressed, put together and compared with its
 * hash. What it finds is told with container, point, image, offset and pack; what to do about it is the caller's
 * decision.
 */
@NullMarked
package org.tidemark.backup.repository.verify;

import org.jspecify.annotations.NullMarked;
