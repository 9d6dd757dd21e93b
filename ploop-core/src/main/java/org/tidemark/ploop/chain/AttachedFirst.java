package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.ChainFiles.Link;
import org.tidemark.ploop.device.Exchange;
import org.tidemark.ploop.device.MovableCursor;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.io.ImageDirectory;

/**
 * The first snapshot of a single raw or expanded file that is in use: under its device the file becomes a folder of the same
 * name, as {@link FirstSnapshot} makes it.
 *
 * <pre>
 *   folder aside: second name of the file, new top marked in use, descriptor, owner record, durable
 *   | [ writers wait: flush | file closed, durable | second name of the tracker, durable | the two names change places,
 *   durable = COMMIT | device goes on with the files of the folder ] | what only the single file had goes
 * </pre>
 *
 * <p>A successor of a killed process finds the file, or the folder, under the name that it was told; locks are kept by what
 * tells a file from others whatever it is called. In the folder it finds all that belongs to an image in use: the mark of
 * the top, the owner record, the tracker. A tracker has both names only while nobody writes: were it to lose its file, it must
 * lose it under both.
 */
final class AttachedFirst implements PreparedSnapshot.Taking {
    private final PloopDevice device;
    private final HeldLocks locks;
    private final AttachedChain chain;
    private final ChainFiles lone;
    private final FolderAside aside;
    private final ImageDirectory folder;
    private @Nullable Link newTop;
    private boolean exchanged;
    private boolean committed;

    private AttachedFirst(
            PloopDevice device,
            HeldLocks locks,
            AttachedChain chain,
            ChainFiles lone,
            FolderAside aside,
            ImageDirectory folder) {
        this.device = device;
        this.locks = locks;
        this.chain = chain;
        this.lone = lone;
        this.aside = aside;
        this.folder = folder;
    }

    /** Makes the folder aside. When this throws nothing of it is left. */
    static PreparedSnapshot prepare(PloopDevice device, HeldLocks locks, AttachedChain chain, Supplier<UUID> newIds)
            throws IOException {
        ChainFiles lone = FirstSnapshot.withFittingClusters(chain.files());
        FolderAside aside = new FolderAside(lone.directory(), lone.top().fileName());
        aside.remove();
        AttachedFirst first = new AttachedFirst(device, locks, chain, lone, aside, aside.make());
        boolean done = false;
        try {
            String guid = Guid.of(newIds.get());
            Closeable tree = first.fill(guid, newIds);
            done = true;
            return new PreparedSnapshot(guid, tree, first);
        } finally {
            if (!done) {
                first.giveUp();
            }
        }
    }

    private Closeable fill(String guid, Supplier<UUID> newIds) throws IOException {
        DeltaGeometry geometry = new DeltaGeometry(
                device.sizeBytes(), lone.clusterSizeBytes() == 0 ? device.clusterSizeBytes() : lone.clusterSizeBytes());
        String file = new ImageClone(newIds).fill(lone, geometry, List.of(guid), folder);
        Link top = new Link(folder, file, ExpandedFormat.ID);
        locks.add(top, true);
        newTop = top;
        try (Delta delta = ImageChain.openLink(
                top, OpenIntent.WRITE, geometry.clusterSizeBytes(), AllocationCursor.transientCursor())) {
            delta.markInUse();
        }
        Optional<OwnerRecord> owner = OwnerRecord.read(lone.directory(), ownerBeside());
        if (owner.isPresent()) {
            owner.get().write(folder, OwnerRecord.FILE_NAME);
        }
        Closeable tree = ChainSteps.lockTree(folder);
        boolean done = false;
        try {
            folder.sync();
            lone.directory().sync();
            device.flush();
            done = true;
            return tree;
        } finally {
            if (!done) {
                tree.close();
            }
        }
    }

    private String ownerBeside() {
        return lone.top().fileName() + "." + OwnerRecord.FILE_NAME;
    }

    private void giveUp() throws IOException {
        Link top = newTop;
        if (top != null) {
            locks.remove(top);
        }
        aside.remove();
    }

    @Override
    public void take(long timeoutNanos) throws IOException {
        ChangedBlockTracker tracker = device.tracker();
        if (tracker == null) {
            device.exchange(timeoutNanos, this::exchange);
        } else {
            tracker.whileNotPersisted(() -> device.exchange(timeoutNanos, this::exchange));
        }
    }

    private Exchange.Next exchange() throws IOException {
        Delta top = device.deltas().get(0);
        chain.seal(top);
        ChangedBlockTracker tracker = device.tracker();
        try {
            if (tracker != null) {
                tracker.link(folder, TrackerBinding.FILE_NAME);
            }
            aside.exchange();
            exchanged = true;
        } catch (IOException e) {
            chain.unseal(top, e);
            throw e;
        }
        try {
            lone.directory().sync();
            committed = true;
            return next(top, tracker);
        } catch (IOException | RuntimeException e) {
            device.stopWriting(e);
            throw e;
        }
    }

    private Exchange.Next next(Delta old, @Nullable ChangedBlockTracker tracker) throws IOException {
        ImageDirectory image = lone.directory().folder(lone.top().fileName());
        ChainFiles files = ChainFiles.in(image);
        locks.renamed(lone.top(), files.links().get(0));
        Link prepared = newTop;
        if (prepared != null) {
            locks.renamed(prepared, files.top());
        }
        if (tracker != null) {
            tracker.moved(image, TrackerBinding.FILE_NAME);
        }
        chain.nowIs(files);
        Delta base = ImageChain.openLink(
                files.links().get(0), OpenIntent.READ, files.clusterSizeBytes(), AllocationCursor.transientCursor());
        boolean done = false;
        try {
            MovableCursor cursor = new MovableCursor();
            Delta top = ImageChain.openLink(files.top(), OpenIntent.RECOVER, files.clusterSizeBytes(), cursor);
            done = true;
            return new Exchange.Next(List.of(base, top), AttachedChain.idOf(files), cursor, List.of(old));
        } finally {
            if (!done) {
                base.close();
            }
        }
    }

    @Override
    public void tidy(boolean taken) throws IOException {
        if (!exchanged) {
            giveUp();
        } else if (committed) {
            aside.settle();
            if (taken) {
                locks.convert(chain.files().links().get(0), false);
            }
        }
    }
}
