package org.tidemark.ploop.check;

import java.io.IOException;
import java.util.List;
import org.tidemark.ploop.format.expanded.ClusterGrid;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedHeader;
import org.tidemark.ploop.format.expanded.FormatExtension;
import org.tidemark.ploop.format.expanded.TableScan;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** Checks one expanded file. */
final class ExpandedCheck {
    private final ImageIo io;
    private final FindingList findings;
    private final ExpandedHeader header;
    private final ClusterGrid grid;
    private final long sizeBytes;
    private final long fileClusters;
    private final ClusterSet named;
    private List<Long> extensionClusters = List.of();
    private long lastNamedBy = -1;
    private long paddingWords;
    private long firstPaddingWord;

    ExpandedCheck(ImageIo io, FindingList findings) throws IOException {
        this.io = io;
        this.findings = findings;
        this.header = ExpandedFormat.readHeader(io);
        this.grid = header.grid();
        this.sizeBytes = io.size();
        this.fileClusters = grid.startedClusters(sizeBytes);
        this.named = new ClusterSet(io.name(), fileClusters);
    }

    ExpandedHeader header() {
        return header;
    }

    /** Returns the number of clusters that entries name. */
    long run() throws IOException {
        checkHeader();
        TableScan.visit(io, header, this::entry);
        if (paddingWords > 0) {
            findings.add(new Finding.NonzeroPadding(io.name(), firstPaddingWord, paddingWords));
        }
        checkTail();
        long allocated = named.size();
        checkLeaks();
        return allocated;
    }

    private void checkHeader() throws IOException {
        String file = io.name();
        if (header.inUse()) {
            findings.add(new Finding.MarkedInUse(file, header.useMark()));
        }
        long exact = (header.tableEndBytes() + header.clusterSizeBytes() - 1) / header.clusterSizeBytes();
        if (!grid.aligned() || header.firstBlockSectors() == 0) {
            contradiction(
                    Severity.NOTE,
                    "the data area begins at byte " + header.dataStartBytes()
                            + ", which is no whole cluster; the kernel driver refuses such images");
        } else if (header.firstDataCluster() != exact) {
            contradiction(
                    Severity.NOTE,
                    "the data area begins at cluster " + header.firstDataCluster() + ", the table ends in cluster "
                            + (exact - 1) + "; the kernel driver refuses such images");
        }
        long needed = header.geometry().clusters();
        if (header.entries() > needed) {
            contradiction(Severity.NOTE, "the table has " + header.entries() + " entries, the disk needs " + needed);
        }
        if (header.extensionSectors() != 0 && header.useMark() == ExpandedHeader.MARK_CLOSED) {
            contradiction(Severity.NOTE, "a format extension is left over that its last writer did not know");
        }
        if (header.extensionTrusted()) {
            try {
                extensionClusters = FormatExtension.readWithoutBits(io, header).clusters();
            } catch (ImageException e) {
                String what = e.getMessage();
                findings.add(new Finding.ExtensionFault(file, what == null ? "format extension" : what));
            }
        }
        int unknown = header.flags() & ~(ExpandedHeader.FLAG_EMPTY | ExpandedHeader.FLAG_CONVERTING);
        if (unknown != 0) {
            contradiction(Severity.NOTE, "flags " + Integer.toHexString(unknown) + " are unknown");
        }
        if (header.heads() == 0 || header.cylinders() == 0) {
            contradiction(
                    Severity.NOTE,
                    header.cylinders() + " cylinders and " + header.heads()
                            + " heads are no geometry; nothing uses it");
        }
    }

    private void contradiction(Severity severity, String what) {
        findings.add(new Finding.Contradiction(io.name(), severity, what));
    }

    private void entry(long virtualCluster, int entry) {
        String file = io.name();
        long cluster = grid.clusterOf(entry);
        if (virtualCluster >= header.entries()) {
            if (paddingWords++ == 0) {
                firstPaddingWord = virtualCluster;
            }
        } else if (cluster == ClusterGrid.MISALIGNED) {
            findings.add(new Finding.MisalignedEntry(file, virtualCluster, Integer.toUnsignedLong(entry)));
        } else if (cluster < header.firstDataCluster()) {
            findings.add(new Finding.EntryIntoTable(file, virtualCluster, cluster));
        } else if (cluster >= fileClusters) {
            findings.add(new Finding.EntryBeyondEnd(file, virtualCluster, cluster, fileClusters));
        } else {
            if (!named.add(cluster)) {
                findings.add(new Finding.DuplicateEntry(file, virtualCluster, cluster));
            }
            if (cluster == fileClusters - 1) {
                lastNamedBy = virtualCluster;
            }
            if (virtualCluster >= header.geometry().clusters()) {
                findings.add(new Finding.EntryBeyondDisk(file, virtualCluster, cluster));
            }
        }
    }

    private void checkTail() {
        long tailBytes = Math.max(0, sizeBytes - grid.positionBytes(0)) % header.clusterSizeBytes();
        if (tailBytes == 0) {
            return;
        }
        if (lastNamedBy >= 0) {
            findings.add(new Finding.ShortCluster(io.name(), lastNamedBy, fileClusters - 1, tailBytes));
        } else {
            findings.add(new Finding.ShortTail(io.name(), tailBytes));
        }
    }

    private void checkLeaks() {
        long wholeClusters = grid.wholeClusters(sizeBytes);
        for (long cluster : extensionClusters) {
            if (!named.add(cluster)) {
                findings.add(new Finding.ExtensionFault(
                        io.name(),
                        "cluster " + cluster + " of the file holds the format extension, or bits of it, and data too"));
            }
        }
        long leaked = 0;
        long first = 0;
        for (long cluster = header.firstDataCluster(); cluster < wholeClusters; cluster++) {
            if (!named.contains(cluster) && leaked++ == 0) {
                first = cluster;
            }
        }
        if (leaked > 0) {
            findings.add(new Finding.LeakedClusters(io.name(), leaked, first));
        }
    }
}
