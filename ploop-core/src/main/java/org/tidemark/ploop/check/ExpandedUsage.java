package org.tidemark.ploop.check;

import java.io.IOException;
import org.tidemark.ploop.format.expanded.ClusterGrid;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedHeader;
import org.tidemark.ploop.format.expanded.TableScan;
import org.tidemark.ploop.io.ImageIo;

/**
 * How an expanded file is used.
 *
 * @param formatVersion 1 or 2
 * @param allocatedClusters clusters that entries name
 * @param unusedClusters clusters of the file that no entry names; image compact gives them back
 * @param fragments runs of neighbours on the disk that are neighbours in the file too
 */
public record ExpandedUsage(int formatVersion, long allocatedClusters, long unusedClusters, long fragments) {

    /** Reads the whole table. */
    public static ExpandedUsage of(ImageIo io) throws IOException {
        ExpandedHeader header = ExpandedFormat.readHeader(io);
        ClusterGrid grid = header.grid();
        long[] allocated = {0};
        long[] runs = {0};
        long[] last = {-2, -2};
        TableScan.visit(io, header, (virtualCluster, entry) -> {
            if (virtualCluster < header.entries()) {
                long cluster = grid.clusterOf(entry);
                allocated[0]++;
                if (virtualCluster != last[0] + 1 || cluster != last[1] + 1) {
                    runs[0]++;
                }
                last[0] = virtualCluster;
                last[1] = cluster;
            }
        });
        long dataClusters = Math.max(0, grid.wholeClusters(io.size()) - grid.firstDataCluster());
        return new ExpandedUsage(
                header.version().number(), allocated[0], Math.max(0, dataClusters - allocated[0]), runs[0]);
    }

    /** How many of the borders between allocated neighbours are jumps in the file: 0 is in order, 100 is all of them. */
    public long fragmentedPercent() {
        return allocatedClusters < 2 ? 0 : Math.max(0, fragments - 1) * 100 / (allocatedClusters - 1);
    }
}
