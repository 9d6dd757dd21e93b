/**
 * Partition tables: real container images carry a GPT with one partition, and the kernel of a host may not know GPT, so we
 * read and write it ourselves. Formats from the UEFI specification, chapter 5. {@link
 * org.tidemark.ploop.partition.Ext4Summary} tells how full the file system in a partition is, and how much of it the hidden
 * balloon file keeps from the container.
 */
@NullMarked
package org.tidemark.ploop.partition;

import org.jspecify.annotations.NullMarked;
