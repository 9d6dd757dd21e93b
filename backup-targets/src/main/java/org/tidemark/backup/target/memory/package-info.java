/**
 * A target in memory, for tests of everything above: it keeps the contract, and breaks it on demand in the ways real
 * targets do.
 */
@NullMarked
package org.tidemark.backup.target.memory;

import org.jspecify.annotations.NullMarked;
