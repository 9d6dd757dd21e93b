/**
 * Partition tables: real container images carry a GPT with one partition, and the kernel of a host may not know GPT, so we
 * read and write it ourselves. Formats from the UEFI specification, chapter 5.
 */
@NullMarked
package org.tidemark.ploop.partition;

import org.jspecify.annotations.NullMarked;
