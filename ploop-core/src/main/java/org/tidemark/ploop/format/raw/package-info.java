/**
 * The raw format: the file is the disk. Every cluster lies at its own place, so the map is the identity, nothing is reserved
 * and there is no mark of use. The cluster size is a convention of the chain, not of the file; the last cluster may be cut
 * off by the end of the disk and reads as zeros there.
 */
@NullMarked
package org.tidemark.ploop.format.raw;

import org.jspecify.annotations.NullMarked;
