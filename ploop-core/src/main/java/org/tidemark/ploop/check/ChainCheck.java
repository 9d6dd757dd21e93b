package org.tidemark.ploop.check;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.DiskDescriptor;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.VersionConversion;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/** Checks every file of a chain, and the files against each other and against the descriptor. Changes nothing. */
public final class ChainCheck {
    private ChainCheck() {}

    /** A lower file that cannot be read at all is a finding when other files can be; the only file throws. */
    public static CheckReport run(ChainFiles files) throws IOException {
        FindingList findings = new FindingList();
        Map<String, Integer> versions = new LinkedHashMap<>();
        long allocated = 0;
        long diskBelow = 0;
        for (ChainFiles.Link link : files.links()) {
            try (ImageIo io = link.directory().open(link.fileName(), OpenMode.READ_ONLY)) {
                DeltaGeometry geometry;
                if (link.formatId().equals(ExpandedFormat.ID)) {
                    if (VersionConversion.interrupted(io)) {
                        findings.add(new Finding.InterruptedConversion(
                                link.fileName(), VersionConversion.canGoBack(link.directory(), link.fileName())));
                        continue;
                    }
                    ExpandedCheck check = new ExpandedCheck(io, findings);
                    allocated += check.run();
                    geometry = check.header().geometry();
                    versions.put(link.fileName(), check.header().version().number());
                    checkMark(files, link, check, findings);
                } else if (link.formatId().equals(Qcow2Format.ID)) {
                    Qcow2Check check = new Qcow2Check(io, findings);
                    allocated += check.run();
                    geometry = check.header().geometry();
                    // A backing file may be larger than what stands on it.
                    diskBelow = 0;
                } else {
                    geometry = rawGeometry(io, files.clusterSizeBytes());
                }
                checkGeometry(files, io.name(), geometry, diskBelow, findings);
                diskBelow = geometry.diskSizeBytes();
            } catch (ImageException e) {
                if (files.links().size() == 1) {
                    throw e;
                }
                String message = e.getMessage();
                findings.add(new Finding.Contradiction(
                        link.fileName(),
                        Severity.DAMAGE,
                        message == null ? e.kind().toString() : message));
            }
        }
        checkTopSize(files, diskBelow, findings);
        Integer topVersion = versions.get(files.top().fileName());
        versions.forEach((file, version) -> {
            if (topVersion != null && !topVersion.equals(version)) {
                findings.add(new Finding.MixedVersions(file, version, topVersion));
            }
        });
        return findings.report(allocated);
    }

    /** Checks one expanded or qcow2 file. */
    public static CheckReport run(ImageIo io) throws IOException {
        FindingList findings = new FindingList();
        long allocated = new Qcow2Format().probe(io)
                ? new Qcow2Check(io, findings).run()
                : new ExpandedCheck(io, findings).run();
        return findings.report(allocated);
    }

    private static DeltaGeometry rawGeometry(ImageIo io, int chainClusterBytes) throws IOException {
        int clusterSizeBytes = chainClusterBytes == 0 ? ChainFiles.RAW_CLUSTER_BYTES : chainClusterBytes;
        long size = io.size();
        if (size == 0 || size % DeltaGeometry.SECTOR_BYTES != 0) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED, io.name() + ": " + size + " bytes are no positive multiple of 512");
        }
        return new DeltaGeometry(size, clusterSizeBytes);
    }

    private static void checkMark(ChainFiles files, ChainFiles.Link link, ExpandedCheck check, FindingList findings) {
        if (!link.equals(files.top()) && check.header().extensionTrusted()) {
            findings.add(new Finding.Contradiction(
                    link.fileName(),
                    Severity.NOTE,
                    "a frozen file carries a format extension; bitmaps of changes in it are of the instant at which it was"
                            + " frozen"));
        }
    }

    private static void checkGeometry(
            ChainFiles files, String file, DeltaGeometry geometry, long diskBelow, FindingList findings) {
        if (files.descriptor().isPresent() && geometry.clusterSizeBytes() != files.clusterSizeBytes()) {
            findings.add(new Finding.Contradiction(
                    file,
                    Severity.DAMAGE,
                    "clusters have " + geometry.clusterSizeBytes() + " bytes, the descriptor says "
                            + files.clusterSizeBytes()));
        }
        if (geometry.diskSizeBytes() < diskBelow) {
            findings.add(new Finding.Contradiction(
                    file,
                    Severity.DAMAGE,
                    "its disk of " + geometry.diskSizeBytes() + " bytes is smaller than the " + diskBelow
                            + " of the file below"));
        }
    }

    private static void checkTopSize(ChainFiles files, long topSize, FindingList findings) {
        Optional<DiskDescriptor> descriptor = files.descriptor();
        if (descriptor.isPresent() && descriptor.get().geometry().diskSizeBytes() != topSize) {
            findings.add(new Finding.Contradiction(
                    files.name(),
                    Severity.DAMAGE,
                    "the descriptor says " + descriptor.get().geometry().diskSizeBytes() + " bytes, the top has "
                            + topSize));
        }
    }
}
