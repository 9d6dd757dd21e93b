package org.tidemark.ploop.format.expanded;

import java.io.IOException;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageIo;

/** Empty images of any shape that other programs have made, also of those that we open and do not make. */
public final class OddImages {
    private OddImages() {}

    /** Creates one; durable but for its name. */
    public static void create(
            ImageDirectory folder,
            String name,
            ExpandedVersion version,
            int clusterSectors,
            int firstBlockSectors,
            int diskSectors)
            throws IOException {
        int entries = (diskSectors + clusterSectors - 1) / clusterSectors;
        ExpandedHeader header = new ExpandedHeader(
                version, 2, 16, 16, clusterSectors, entries, diskSectors, 0, firstBlockSectors, 0, 0);
        try (ImageIo io = folder.create(name)) {
            AlignedBuffer head = AlignedBuffer.allocate(512);
            header.encode(head, 0);
            io.truncate(header.dataStartBytes());
            io.write(0, head, 0, 512);
            io.flush();
        }
    }
}
