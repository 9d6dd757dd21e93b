/** What a chunk is: its size, its grid and its name, which is the SHA-256 of its content. */
@NullMarked
package org.tidemark.backup.repository.chunk;

import org.jspecify.annotations.NullMarked;
