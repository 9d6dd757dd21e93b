package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.ChainFiles.Link;
import org.tidemark.ploop.chain.DiskDescriptor.Image;
import org.tidemark.ploop.chain.DiskDescriptor.Shot;
import org.tidemark.ploop.device.Exchange;
import org.tidemark.ploop.device.MovableCursor;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;

/**
 * The chain of an image in use, and how it changes under its device.
 *
 * <pre>
 *   snapshot:  intent | new delta, marked in use, durable | [ writers wait: flush | old top closed, durable |
 *              descriptor replaced = COMMIT | device goes on with the new top ] | intent gone
 *   merge:     intent | level marked in the descriptor | lower file marked in use | copied down, page by page, durable |
 *              [ writers wait: what was written meanwhile copied too, durable | descriptor replaced = COMMIT | device
 *              goes on with the shorter chain ] | upper file gone | intent gone
 * </pre>
 *
 * <p>What is copied down is hidden by the level it comes from, so a device sees nothing of a merge before its commit. A crash
 * or kill before the commit leaves the old chain: an unnamed delta that goes, or a lower level that is marked and may hold
 * anything that the one above it hides. After the commit the new chain is complete; an upper file that nobody names goes.
 *
 * <p><b>Merging the level below the top</b> could also put a fresh top above and merge two sealed levels, or empty the lower
 * table entry by entry and flip the two. Copying under the writers was chosen because the chain, the descriptor and what a
 * crash leaves are the same as for every other merge, and because giving up half way costs nothing; the price is that what is
 * written while it runs is copied once more, at the end while the writers wait.
 */
final class AttachedChain {
    /** How long requests under way may take to end before an instant. */
    static final long DRAIN_LIMIT_NANOS = 30_000_000_000L;

    private final PloopDevice device;
    private final HeldLocks locks;
    private final StateArea area;
    private volatile ChainFiles files;

    AttachedChain(PloopDevice device, HeldLocks locks, StateArea area, ChainFiles files) {
        this.device = device;
        this.locks = locks;
        this.area = area;
        this.files = files;
    }

    /** The files as they are now. */
    ChainFiles files() {
        return files;
    }

    /** The image has become other files. */
    void nowIs(ChainFiles changed) {
        files = changed;
    }

    /** Makes what the first snapshot of a single file needs. */
    PreparedSnapshot prepareFirst(Supplier<UUID> newIds) throws IOException {
        return AttachedFirst.prepare(device, locks, this, newIds);
    }

    /** What tells one chain of files from another, for the binding of a state area. */
    static String idOf(ChainFiles files) {
        return String.join("\n", files.links().stream().map(ChainLocks::keyOf).toList());
    }

    /** Whether the level is one of the device's. */
    boolean holds(Shot shot) throws ImageException {
        DiskDescriptor descriptor = SnapshotOperations.described(files);
        return descriptor.pathTo(descriptor.topGuid()).stream()
                .anyMatch(image -> image.guid().equals(shot.guid()));
    }

    private ImageDirectory folder() {
        return files.directory();
    }

    private int levelOf(DiskDescriptor descriptor, String guid) throws ImageException {
        List<Image> path = descriptor.pathTo(descriptor.topGuid());
        for (int level = 0; level < path.size(); level++) {
            if (path.get(level).guid().equals(guid)) {
                return level;
            }
        }
        throw new IllegalStateException(guid + " is not in the chain");
    }

    /** Makes what a snapshot needs. The tree is locked; the lock belongs to the preparation. */
    PreparedSnapshot prepare(DiskDescriptor descriptor, Supplier<UUID> newIds, Closeable tree) throws IOException {
        ImageDirectory folder = folder();
        ChainSteps.requireRoom(folder, descriptor);
        ChainSteps.requireWholeClusters(
                files.name(), device.deltas().get(device.deltas().size() - 1));
        String guid = ChainSteps.newGuid(folder, descriptor, newIds);
        Image newTop = new Image(
                Guid.TOP,
                org.tidemark.ploop.format.expanded.ExpandedFormat.ID,
                ChainSteps.newFileName(descriptor, newIds));
        DiskDescriptor changed = descriptor.withSnapshot(guid, newTop.file());
        ChainIntent.newFile(newTop.file()).write(folder);
        Link link = linkOf(newTop);
        Delta top = null;
        boolean done = false;
        try {
            ChainSteps.makeDelta(
                    folder, newTop.file(), descriptor.geometry(), ChainSteps.versionIn(folder, descriptor.images()));
            locks.add(link, true);
            MovableCursor cursor = new MovableCursor();
            top = ChainSteps.open(folder, newTop, OpenIntent.WRITE, descriptor.geometry(), cursor);
            top.markInUse();
            device.flush();
            done = true;
            return new PreparedSnapshot(guid, tree, new Prepared(changed, newTop, top, cursor));
        } finally {
            if (!done) {
                undo(descriptor, link, top);
            }
        }
    }

    private void undo(DiskDescriptor descriptor, Link link, @Nullable Delta top) throws IOException {
        if (top != null) {
            top.close();
        }
        locks.remove(link);
        ChainSteps.settle(folder(), descriptor);
    }

    private Link linkOf(Image image) throws ImageException {
        return new Link(folder(), ChainSteps.plainFile(folder(), image), image.formatId());
    }

    /** A new top that only waits for its instant: there, durable, locked and marked in use; nothing names it yet. */
    private final class Prepared implements PreparedSnapshot.Taking {
        private final DiskDescriptor changed;
        private final Image newTop;
        private final Delta top;
        private final MovableCursor cursor;

        Prepared(DiskDescriptor changed, Image newTop, Delta top, MovableCursor cursor) {
            this.changed = changed;
            this.newTop = newTop;
            this.top = top;
            this.cursor = cursor;
        }

        @Override
        public void take(long timeoutNanos) throws IOException {
            AttachedChain.this.take(this, timeoutNanos);
        }

        @Override
        public void tidy(boolean taken) throws IOException {
            AttachedChain.this.tidy(this, taken);
        }
    }

    /** See {@link PreparedSnapshot#take}. */
    private void take(Prepared prepared, long timeoutNanos) throws IOException {
        Link old = files.top();
        try (PendingDelta sealed = new PendingDelta(openSealed(old))) {
            device.exchange(timeoutNanos, () -> {
                List<Delta> deltas = new ArrayList<>(device.deltas());
                Delta top = deltas.remove(deltas.size() - 1);
                seal(top);
                try {
                    commit(prepared.changed);
                } catch (IOException e) {
                    unseal(top, e);
                    throw e;
                }
                deltas.add(sealed.keep());
                deltas.add(prepared.top);
                return new Exchange.Next(deltas, idOf(files), prepared.cursor, List.of(top));
            });
        }
    }

    /** Everything is flushed. From here on the file is what it will be as a snapshot. */
    void seal(Delta top) throws IOException {
        try {
            top.markClosed();
        } catch (IOException e) {
            device.stopWriting(e);
            throw e;
        }
    }

    /** It was not frozen after all. */
    void unseal(Delta top, IOException cause) {
        try {
            top.markInUse();
        } catch (IOException e) {
            cause.addSuppressed(e);
            device.stopWriting(e);
        }
    }

    private Delta openSealed(Link link) throws IOException {
        return ImageChain.openLink(link, OpenIntent.READ, files.clusterSizeBytes(), AllocationCursor.transientCursor());
    }

    /**
     * Replaces the descriptor. When this throws, the old one counts. If nobody can say which of the two a power loss would
     * leave, the device stops writing: then both show the same.
     */
    void commit(DiskDescriptor changed) throws IOException {
        try {
            changed.store(folder());
        } catch (IOException e) {
            try {
                if (!Arrays.equals(DiskDescriptor.read(folder()).serialise(), changed.serialise())) {
                    throw e;
                }
                folder().sync();
            } catch (IOException again) {
                if (again != e) {
                    e.addSuppressed(again);
                    device.stopWriting(e);
                }
                throw e;
            }
        }
        files = files.with(changed);
    }

    /** See {@link PreparedSnapshot#close}. */
    private void tidy(Prepared prepared, boolean taken) throws IOException {
        DiskDescriptor now = DiskDescriptor.read(folder());
        boolean named = now.images().stream().anyMatch(image -> image.file().equals(prepared.newTop.file()));
        if (!named) {
            undo(now, linkOf(prepared.newTop), prepared.top);
            return;
        }
        ChainSteps.settle(folder(), now);
        List<Link> links = files.links();
        if (taken && links.size() > 1) {
            locks.convert(links.get(links.size() - 2), false);
        }
    }

    /**
     * Writes the content of {@code child} down into the file of {@code removed}, the level below it, which ceases to be a
     * level. The tree is locked. When it is called off or fails, the device goes on as it was; the level stays marked.
     */
    void merge(DiskDescriptor descriptor, Shot removed, Shot child, ChainProgress progress) throws IOException {
        Link lowerLink = linkOf(descriptor.imageOf(removed));
        Link upperLink = linkOf(descriptor.imageOf(child));
        boolean ofTop = child.guid().equals(descriptor.topGuid());
        ChainLocks.requireOwn(folder(), lowerLink.fileName());
        locks.convert(lowerLink, true);
        boolean committed = false;
        try {
            if (!ofTop) {
                locks.convert(upperLink, true);
            }
            mergeLocked(descriptor, removed, child, ofTop, progress);
            committed = true;
        } finally {
            if (!committed) {
                ChainSteps.suspend(folder());
            }
            if (!committed && !ofTop) {
                locks.convert(upperLink, false);
            }
            if (!committed || !ofTop) {
                locks.convert(lowerLink, false);
            }
        }
        locks.remove(upperLink);
        ChainSteps.settle(folder(), SnapshotOperations.described(files));
    }

    private void mergeLocked(DiskDescriptor descriptor, Shot removed, Shot child, boolean ofTop, ChainProgress progress)
            throws IOException {
        ImageDirectory folder = folder();
        Image lowerImage = descriptor.imageOf(removed);
        int level = levelOf(descriptor, removed.guid());
        Delta upper = device.deltas().get(level + 1);
        if (ChainSteps.isOfSmallerDisk(folder, lowerImage, upper.geometry())) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    files.name() + ": the disk was made larger after the snapshot " + removed.guid()
                            + "; detach the image, then the snapshot can be deleted or merged");
        }
        boolean again = ChainIntent.read(folder).isPresent();
        MovableCursor cursor = new MovableCursor();
        try (PendingDelta lower =
                new PendingDelta(ChainSteps.openLower(folder, lowerImage, upper.geometry(), again, cursor))) {
            DeltaMerge merge = ofTop
                    ? DeltaMerge.ofTop(device, lower.delta(), level == 0, progress)
                    : DeltaMerge.of(upper, lower.delta(), level == 0, progress);
            new ChainIntent(
                            Optional.of(new ChainIntent.Merge(removed.guid(), child.guid())),
                            List.of(descriptor.imageOf(child).file()))
                    .write(folder);
            DiskDescriptor marked = descriptor.withTemporary(removed.guid());
            marked.store(folder);
            lower.delta().markInUse();
            DiskDescriptor changed = marked.withMerged(removed.guid(), child.guid());
            if (ofTop) {
                copyUnderWriters(merge, level, lower, cursor, changed);
            } else {
                merge.run();
                lower.delta().markClosed();
                device.exchange(DRAIN_LIMIT_NANOS, () -> {
                    List<Delta> deltas = new ArrayList<>(device.deltas());
                    deltas.remove(level + 1);
                    commit(changed);
                    MovableCursor stays = MovableCursor.ofPresentTop(area);
                    return new Exchange.Next(deltas, idOf(files), stays, List.of(upper));
                });
            }
        }
    }

    private void copyUnderWriters(
            DeltaMerge merge, int level, PendingDelta lower, MovableCursor cursor, DiskDescriptor changed)
            throws IOException {
        merge.underWriters(device, files.name(), () -> {
            List<Delta> deltas = new ArrayList<>(device.deltas().subList(0, level));
            List<Delta> gone = device.deltas().subList(level, level + 2);
            commit(changed);
            deltas.add(lower.keep());
            return new Exchange.Next(deltas, idOf(files), cursor, gone);
        });
    }

    /** An open delta that is closed unless the device takes it. */
    private static final class PendingDelta implements Closeable {
        private final Delta delta;
        private boolean kept;

        PendingDelta(Delta delta) {
            this.delta = delta;
        }

        Delta delta() {
            return delta;
        }

        Delta keep() {
            kept = true;
            return delta;
        }

        @Override
        public void close() throws IOException {
            if (!kept) {
                delta.close();
            }
        }
    }
}
