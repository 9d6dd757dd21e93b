package org.tidemark.ploop.chain;

import java.io.IOException;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;

/**
 * How an image lies in files.
 *
 * @param folder whether it is a folder with a descriptor
 */
public record ImageLayout(boolean folder, String formatId, int clusterBytes) {
    /** Reads it from the top delta. */
    public static ImageLayout of(ChainFiles files) throws IOException {
        int cluster = files.clusterSizeBytes();
        if (cluster == 0 || files.top().formatId().equals(ExpandedFormat.ID)) {
            try (ImageIo io = files.top().directory().open(files.top().fileName(), OpenMode.READ_ONLY)) {
                cluster = files.top().formatId().equals(Qcow2Format.ID)
                        ? Qcow2Header.read(io).clusterSizeBytes()
                        : ExpandedFormat.readHeader(io).clusterSizeBytes();
            }
        }
        return new ImageLayout(files.descriptor().isPresent(), files.top().formatId(), cluster);
    }
}
