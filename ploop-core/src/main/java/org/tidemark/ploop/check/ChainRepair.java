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
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;

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
            return repair(files, files.links());
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
            if (needed(link, OpenMode.READ_ONLY)) {
                ChainLocks.requireOwn(link.directory(), link.fileName());
                suspects.add(link);
            }
        }
        List<Repaired> done = new ArrayList<>();
        change.repair(suspects, closed -> {
            List<ChainFiles.Link> links = new ArrayList<>(suspects);
            links.add(closed.top());
            done.addAll(repair(closed, links));
        });
        return done;
    }

    /** Top first: how large a level is, is told by the one above it. */
    private static List<Repaired> repair(ChainFiles files, List<ChainFiles.Link> links) throws IOException {
        List<Repaired> done = new ArrayList<>();
        for (int i = links.size() - 1; i >= 0; i--) {
            ChainFiles.Link link = links.get(i);
            if (needed(link, asOnMedium(link))) {
                ChainLocks.requireOwn(link.directory(), link.fileName());
                String undo = ExpandedRepair.freeUndoName(link.directory(), link.fileName());
                boolean qcow2 = link.formatId().equals(Qcow2Format.ID);
                done.add(
                        0,
                        new Repaired(
                                link.fileName(),
                                qcow2
                                        ? Qcow2Repair.run(link.directory(), link.fileName(), undo)
                                        : ExpandedRepair.run(
                                                link.directory(), link.fileName(), undo, mostDiskBytes(files, link))));
            }
        }
        return done;
    }

    private static long mostDiskBytes(ChainFiles files, ChainFiles.Link link) throws IOException {
        int above = files.links().indexOf(link) + 1;
        if (above == 0 || above == files.links().size()) {
            return files.descriptor()
                    .map(descriptor -> descriptor.geometry().diskSizeBytes())
                    .orElse(Long.MAX_VALUE);
        }
        ChainFiles.Link other = files.links().get(above);
        if (!other.formatId().equals(ExpandedFormat.ID)) {
            return Long.MAX_VALUE;
        }
        try (ImageIo io = other.directory().open(other.fileName(), OpenMode.READ_ONLY)) {
            return ExpandedFormat.readHeader(io).geometry().diskSizeBytes();
        }
    }

    /**
     * How to open a file that nobody else has, so that what is seen is what is on the medium: a flush of it may have failed in a
     * repair before. Where nothing can be written nothing was.
     */
    private static OpenMode asOnMedium(ChainFiles.Link link) throws IOException {
        try (ImageIo io = link.directory().open(link.fileName(), OpenMode.READ_WRITE)) {
            io.flush();
            return OpenMode.READ_WRITE;
        } catch (OsException e) {
            if (e.errno() == Errno.EROFS || e.errno() == Errno.EACCES || e.errno() == Errno.EPERM) {
                return OpenMode.READ_ONLY;
            }
            throw e;
        }
    }

    private static boolean needed(ChainFiles.Link link, OpenMode mode) throws IOException {
        if (!link.formatId().equals(Qcow2Format.ID) && !link.formatId().equals(ExpandedFormat.ID)) {
            return false;
        }
        try (ImageIo io = link.directory().open(link.fileName(), mode)) {
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
