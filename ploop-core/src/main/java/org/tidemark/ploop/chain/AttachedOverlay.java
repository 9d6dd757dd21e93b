package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.ChainFiles.Link;
import org.tidemark.ploop.device.Exchange;
import org.tidemark.ploop.device.MovableCursor;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.qcow2.Qcow2Delta;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;

/**
 * The chain of a qcow2 image in use, and how it changes under its device. What {@link AttachedChain} does for images with a
 * descriptor, with the steps of {@link OverlaySnapshots}: the commit is one rename.
 *
 * <pre>
 *   snapshot:  intent | overlay, marked in use, durable | second name of the top, durable | [ writers wait: flush |
 *              top closed, durable | overlay renamed to NAME = COMMIT | device goes on with it ] | intent gone
 *   merge:     intent | lower file marked in use | copied down, durable | [ writers wait: what was written meanwhile,
 *              durable | lower file renamed to the upper's name = COMMIT | device goes on ] | intent gone
 * </pre>
 */
final class AttachedOverlay {
    private final PloopDevice device;
    private final HeldLocks locks;
    private final StateArea area;
    private final ImageDirectory folder;
    private final String image;
    private volatile ChainFiles files;

    AttachedOverlay(PloopDevice device, HeldLocks locks, StateArea area, ChainFiles files) {
        this.device = device;
        this.locks = locks;
        this.area = area;
        this.files = files;
        this.folder = files.directory();
        this.image = files.top().fileName();
    }

    /** The files as they are now. */
    ChainFiles files() {
        return files;
    }

    /** Where the top's allocation is, and where a successor finds it. */
    AllocationCursor cursor() throws IOException {
        return PloopDevice.cursor(area);
    }

    private Link link(String file) {
        return new Link(folder, file, Qcow2Format.ID);
    }

    boolean holds(String file) {
        return files.links().stream().anyMatch(link -> link.fileName().equals(file));
    }

    /** The device's level that is a file of the folder by itself; files further down may be seen as one. */
    private int levelOf(String file) throws ImageException {
        List<Link> links = files.links();
        int fromTop = 0;
        while (!links.get(links.size() - 1 - fromTop).fileName().equals(file)) {
            fromTop++;
        }
        int level = device.deltas().size() - 1 - fromTop;
        if (level < 0 || !(device.deltas().get(level) instanceof Qcow2Delta)) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    files.name() + ": " + file + " lies below levels of another cluster size; detach the image first");
        }
        return level;
    }

    private void nowStandsOn(List<Link> links) {
        files = new ChainFiles(files.name(), folder, List.copyOf(links), Optional.empty(), files.clusterSizeBytes());
    }

    /** Makes what a snapshot needs. The tree is locked; the lock belongs to the preparation. */
    PreparedSnapshot prepare(OverlayTree tree, Supplier<UUID> newIds, Closeable lock) throws IOException {
        tree.requireRoom();
        String file = tree.newFile(newIds);
        Link fresh = link(image + OverlaySnapshots.NEW);
        tree.intent().withUnnamed(List.of(file, fresh.fileName())).write(folder, image);
        Qcow2Delta overlay = null;
        boolean done = false;
        try {
            Qcow2Delta top = (Qcow2Delta) device.deltas().get(device.deltas().size() - 1);
            OverlaySnapshots.makeOverlay(folder, image, file, top.header());
            locks.add(fresh, true);
            MovableCursor cursor = new MovableCursor();
            overlay = Qcow2Format.open(
                    ImageChain.observable(folder.open(fresh.fileName(), OpenMode.READ_WRITE)),
                    null,
                    OpenIntent.WRITE,
                    cursor);
            overlay.markInUse();
            folder.link(image, folder, file);
            folder.sync();
            device.flush();
            done = true;
            return new PreparedSnapshot(tree.idOf(file), lock, new Overlay(file, overlay, cursor));
        } finally {
            if (!done) {
                giveUp(fresh, overlay);
            }
        }
    }

    private void giveUp(Link fresh, @Nullable Delta overlay) throws IOException {
        if (overlay != null) {
            overlay.close();
        }
        locks.remove(fresh);
        OverlayTree.read(folder, image).settle();
    }

    /** A prepared overlay: {@code file} will be the name of what is the top now. */
    private final class Overlay implements PreparedSnapshot.Taking {
        private final String file;
        private final Qcow2Delta overlay;
        private final MovableCursor cursor;
        private boolean committed;

        Overlay(String file, Qcow2Delta overlay, MovableCursor cursor) {
            this.file = file;
            this.overlay = overlay;
            this.cursor = cursor;
        }

        @Override
        public void take(long timeoutNanos) throws IOException {
            Qcow2Delta sealed = openSealed();
            boolean kept = false;
            try {
                device.exchange(timeoutNanos, () -> {
                    List<Delta> deltas = new ArrayList<>(device.deltas());
                    Delta top = deltas.remove(deltas.size() - 1);
                    seal(top);
                    try {
                        commit();
                    } catch (IOException e) {
                        unseal(top, e);
                        throw e;
                    }
                    deltas.add(sealed);
                    deltas.add(overlay);
                    return new Exchange.Next(deltas, AttachedChain.idOf(files), cursor, List.of(top));
                });
                kept = true;
            } finally {
                if (!kept && !committed) {
                    sealed.close();
                }
            }
        }

        private Qcow2Delta openSealed() throws IOException {
            List<Delta> deltas = device.deltas();
            Qcow2Delta sealed = BackingChain.openTopForReading(files);
            if (deltas.size() > 1 && deltas.get(deltas.size() - 2) instanceof LowerDevice lower) {
                sealed.setLower(lower);
            }
            return sealed;
        }

        private void commit() throws IOException {
            renamed(image + OverlaySnapshots.NEW, image, () -> {
                List<Link> links = new ArrayList<>(files.links());
                Link top = links.remove(links.size() - 1);
                locks.renamed(top, link(file));
                locks.renamed(link(image + OverlaySnapshots.NEW), top);
                links.add(link(file));
                links.add(top);
                nowStandsOn(links);
            });
            committed = true;
        }

        @Override
        public void tidy(boolean taken) throws IOException {
            if (!committed) {
                giveUp(link(image + OverlaySnapshots.NEW), overlay);
                return;
            }
            OverlayTree.read(folder, image).settle();
            if (taken) {
                locks.convert(link(file), false);
            }
        }
    }

    private interface AfterRename {
        void run() throws IOException;
    }

    /**
     * Renames, durably. When this throws, the old name counts. If nobody can say which of the two a power loss would leave,
     * the device stops writing: then both show the same.
     */
    private void renamed(String from, String to, AfterRename after) throws IOException {
        folder.rename(from, to);
        try {
            folder.sync();
        } catch (IOException e) {
            device.stopWriting(e);
            throw e;
        }
        after.run();
    }

    private void seal(Delta top) throws IOException {
        try {
            top.markClosed();
        } catch (IOException e) {
            device.stopWriting(e);
            throw e;
        }
    }

    private void unseal(Delta top, IOException cause) {
        try {
            top.markInUse();
        } catch (IOException e) {
            cause.addSuppressed(e);
            device.stopWriting(e);
        }
    }

    /**
     * Writes a level of the device down into the one below it. The tree is locked. When it is called off or fails, the device
     * goes on as it was and the intent stays: the lower level is no snapshot any more, deleting it once more goes on.
     */
    void merge(OverlayTree tree, String lower, String upper, ChainProgress progress) throws IOException {
        int level = levelOf(lower);
        boolean ofTop = upper.equals(image);
        ChainLocks.requireOwn(folder, lower);
        ChainLocks.requireOwn(folder, upper);
        locks.convert(link(lower), true);
        boolean committed = false;
        try {
            if (!ofTop) {
                locks.convert(link(upper), true);
            }
            mergeLocked(tree, lower, upper, level, progress);
            committed = true;
        } finally {
            if (!committed) {
                locks.convert(link(lower), false);
                if (!ofTop) {
                    locks.convert(link(upper), false);
                }
            }
        }
        if (!ofTop) {
            locks.convert(link(upper), false);
        }
        OverlayIntent.NOTHING.write(folder, image);
    }

    private void mergeLocked(OverlayTree tree, String lower, String upper, int level, ChainProgress progress)
            throws IOException {
        boolean ofTop = upper.equals(image);
        boolean base = level == 0 && tree.below(lower).isEmpty();
        MovableCursor cursor = new MovableCursor();
        Qcow2Delta into = OverlaySnapshots.openLower(
                folder, lower, lower.equals(tree.halfMerged()), ofTop ? cursor : transientCursor());
        boolean kept = false;
        try {
            Delta from = device.deltas().get(level + 1);
            DeltaMerge merge =
                    ofTop ? DeltaMerge.ofTop(device, into, base, progress) : DeltaMerge.of(from, into, base, progress);
            OverlayIntent.merge(lower).write(folder, image);
            into.markInUse();
            if (ofTop) {
                copyUnderWriters(merge, level, lower, into, cursor);
                kept = true;
            } else {
                merge.run();
                into.markClosed();
                mergeBelow(lower, upper, level);
            }
        } finally {
            if (!kept) {
                into.close();
            }
        }
    }

    private static AllocationCursor transientCursor() {
        return AllocationCursor.transientCursor();
    }

    private void mergeBelow(String lower, String upper, int level) throws IOException {
        Qcow2Delta merged = (Qcow2Delta)
                ImageChain.openLink(link(lower), OpenIntent.READ, files.clusterSizeBytes(), transientCursor());
        boolean kept = false;
        try {
            device.exchange(AttachedChain.DRAIN_LIMIT_NANOS, () -> {
                List<Delta> deltas = new ArrayList<>(device.deltas());
                List<Delta> gone = List.copyOf(deltas.subList(level, level + 2));
                commitMerge(lower, upper);
                deltas.subList(level, level + 2).clear();
                deltas.add(level, merged);
                return new Exchange.Next(deltas, AttachedChain.idOf(files), MovableCursor.ofPresentTop(area), gone);
            });
            kept = true;
        } finally {
            if (!kept) {
                merged.close();
            }
        }
    }

    private void commitMerge(String lower, String upper) throws IOException {
        renamed(lower, upper, () -> {
            List<Link> links = new ArrayList<>(files.links());
            links.removeIf(link -> link.fileName().equals(lower));
            locks.remove(link(upper));
            locks.renamed(link(lower), link(upper));
            nowStandsOn(links);
        });
    }

    private void copyUnderWriters(DeltaMerge merge, int level, String lower, Qcow2Delta into, MovableCursor cursor)
            throws IOException {
        merge.underWriters(device, files.name(), () -> {
            List<Delta> deltas = new ArrayList<>(device.deltas().subList(0, level));
            List<Delta> gone = List.copyOf(device.deltas().subList(level, level + 2));
            commitMerge(lower, image);
            deltas.add(into);
            return new Exchange.Next(deltas, AttachedChain.idOf(files), cursor, gone);
        });
    }
}
