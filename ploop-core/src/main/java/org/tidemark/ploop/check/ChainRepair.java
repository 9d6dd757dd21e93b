package org.tidemark.ploop.check;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainLocks;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.VersionConversion;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;

/** Repairs every expanded and qcow2 file of a chain that needs it, each with an undo file of its own beside it. */
public final class ChainRepair {
    private ChainRepair() {}

    /** What was done to one file. */
    public record Repaired(String file, RepairOutcome outcome) {}

    /**
     * Locks every file of the chain exclusively and repairs those in which a check finds more than notes; durable on
     * return.
     *
     * @throws org.tidemark.ploop.io.ImageException of kind IN_USE when somebody has one of them open, of kind READ_ONLY
     *     when one that needs repair is part of several images
     */
    public static List<Repaired> run(ChainFiles files) throws IOException {
        List<ImageLock> locks = new ArrayList<>();
        try {
            for (ChainFiles.Link link : files.links()) {
                locks.add(link.directory().lock(link.fileName(), true));
            }
            return repair(files.links());
        } finally {
            for (ImageLock lock : locks) {
                lock.close();
            }
        }
    }

    /**
     * The same of an image in use, under its device, while its readers and writers wait; durable on return.
     *
     * @throws org.tidemark.ploop.io.ImageException of kind IN_USE while a backup reads it or a snapshot of it is mounted, of
     *     kind READ_ONLY as above
     */
    public static List<Repaired> run(AttachedImage.Change change, ChainFiles files) throws IOException {
        List<ChainFiles.Link> suspects = new ArrayList<>();
        for (ChainFiles.Link link : files.links().subList(0, files.links().size() - 1)) {
            if (needed(link)) {
                ChainLocks.requireOwn(link.directory(), link.fileName());
                suspects.add(link);
            }
        }
        List<Repaired> done = new ArrayList<>();
        change.repair(suspects, closed -> {
            List<ChainFiles.Link> links = new ArrayList<>(suspects);
            links.add(closed.top());
            done.addAll(repair(links));
        });
        return done;
    }

    private static List<Repaired> repair(List<ChainFiles.Link> links) throws IOException {
        List<Repaired> done = new ArrayList<>();
        for (ChainFiles.Link link : links) {
            if (needed(link)) {
                ChainLocks.requireOwn(link.directory(), link.fileName());
                String undo = ExpandedRepair.freeUndoName(link.directory(), link.fileName());
                boolean qcow2 = link.formatId().equals(Qcow2Format.ID);
                done.add(new Repaired(
                        link.fileName(),
                        qcow2
                                ? Qcow2Repair.run(link.directory(), link.fileName(), undo)
                                : ExpandedRepair.run(link.directory(), link.fileName(), undo)));
            }
        }
        return done;
    }

    private static boolean needed(ChainFiles.Link link) throws IOException {
        if (!link.formatId().equals(Qcow2Format.ID) && !link.formatId().equals(ExpandedFormat.ID)) {
            return false;
        }
        try (ImageIo io = link.directory().open(link.fileName(), OpenMode.READ_ONLY)) {
            if (link.formatId().equals(Qcow2Format.ID)) {
                return ChainCheck.run(io).findings().stream()
                        .anyMatch(finding ->
                                finding.severity() != Severity.NOTE || finding instanceof Finding.LeakedClusters);
            }
            return VersionConversion.interrupted(io)
                    || ChainCheck.run(io).findings().stream()
                            .anyMatch(finding ->
                                    finding.severity() != Severity.NOTE || finding instanceof Finding.ShortTail);
        }
    }
}
