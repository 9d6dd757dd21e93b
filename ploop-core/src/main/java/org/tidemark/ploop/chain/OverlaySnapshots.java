package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.qcow2.CreateOptions;
import org.tidemark.ploop.format.qcow2.Qcow2Delta;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.ImageLock;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Changes of the snapshots of a qcow2 image, which are files it stands on. The image keeps its name: {@code NAME} is always
 * what is written to, a snapshot is {@code NAME.{guid}}.
 *
 * <pre>
 *   create:  intent | overlay under a name of its own, durable | second name NAME.{guid} of the image, durable
 *            | overlay renamed to NAME = COMMIT | intent gone
 *   switch:  intent | overlay on the snapshot, durable | renamed to NAME = COMMIT; what was there is gone | intent gone
 *   merge:   intent | lower file marked in use | content copied down, durable | lower file renamed to the name of the upper
 *            = COMMIT | intent gone
 * </pre>
 *
 * <p>What is copied down is hidden by the level it comes from until the rename, which takes that level away in the same
 * moment: whatever stands on the upper name stands on the merged file then. A merge that was broken off is done again.
 */
final class OverlaySnapshots {
    /** An overlay that has no name of its own yet. */
    static final String NEW = ".tidemark-new";

    private final ImageDirectory folder;
    private final String image;
    private final Supplier<UUID> newIds;
    private final ChainProgress progress;
    private final @Nullable AttachedOverlay attached;

    OverlaySnapshots(
            ChainFiles files, Supplier<UUID> newIds, ChainProgress progress, @Nullable AttachedOverlay attached) {
        this.folder = files.directory();
        this.image = files.top().fileName();
        this.newIds = newIds;
        this.progress = progress;
        this.attached = attached;
    }

    /** Whether snapshots of an image are made this way. */
    static boolean concerns(ChainFiles files) {
        return files.descriptor().isEmpty() && files.top().formatId().equals(Qcow2Format.ID);
    }

    static List<SnapshotOperations.Snapshot> list(ChainFiles files) throws IOException {
        return OverlayTree.read(files.directory(), files.top().fileName()).levels();
    }

    /** What an earlier change left: files that nobody names go; a merge stays for {@link #recover}. Copies nothing. */
    static void tidy(ChainFiles files) throws IOException {
        ImageDirectory folder = files.directory();
        String image = files.top().fileName();
        OverlayIntent left = OverlayIntent.read(folder, image);
        if (left.merges()) {
            OverlayTree tree = OverlayTree.read(folder, image);
            String half = tree.halfMerged();
            if (!half.isEmpty()) {
                requireSameClusters(folder, half, tree.above(half));
                // The image may show what was copied into it and what the level above lost; nobody else will flush it.
                try (ImageIo io = folder.open(half, OpenMode.READ_WRITE)) {
                    io.flush();
                }
            }
        }
        boolean leftovers = !left.unnamed().isEmpty();
        if (leftovers || OverlayIntent.isHalf(folder, image)) {
            try (Closeable lock = OverlayTree.lock(folder, image)) {
                OverlayIntent.removeHalf(folder, image);
                folder.sync();
                OverlayTree.read(folder, image).settle();
            }
        }
    }

    /**
     * No merge is begun of levels whose clusters differ. Clusters that it claimed are counted, so no count tells that a header
     * is wrong about their size.
     */
    private static void requireSameClusters(ImageDirectory folder, String lower, List<String> above)
            throws IOException {
        int bytes = header(folder, lower).clusterSizeBytes();
        for (String upper : above) {
            if (header(folder, upper).clusterSizeBytes() == bytes) {
                return;
            }
        }
        throw new ImageException(
                ImageException.Kind.DAMAGED,
                folder.name() + "/" + lower + ": a merge into it is under way, and the headers of it and of "
                        + String.join(", ", above) + " say other cluster sizes, which were the same when it began; one"
                        + " of these headers is damaged: restore that file, or the image from a backup");
    }

    /** Finishes or undoes what was under way. Whether there was something. */
    boolean recover() throws IOException {
        if (OverlayIntent.read(folder, image).equals(OverlayIntent.NOTHING) && !OverlayIntent.isHalf(folder, image)) {
            return false;
        }
        try (Closeable lock = OverlayTree.lock(folder, image)) {
            recovered();
            return true;
        }
    }

    private OverlayTree recovered() throws IOException {
        OverlayIntent.removeHalf(folder, image);
        OverlayTree tree = OverlayTree.read(folder, image);
        OverlayIntent intent = tree.intent();
        if (intent.equals(OverlayIntent.NOTHING)) {
            return tree;
        }
        // Its commit may have been seen and not be durable: nothing is deleted before it is.
        folder.sync();
        tree.settle();
        tree = OverlayTree.read(folder, image);
        if (attached == null && !tree.halfMerged().isEmpty()) {
            TrackerBinding tracker = TrackerBinding.ofOverlay(folder, image);
            merge(tree, tree.halfMerged(), upperOf(tree));
            tracker.renew();
        }
        return OverlayTree.read(folder, image);
    }

    String create(ChainFiles files) throws IOException {
        try (Closeable lock = OverlayTree.lock(folder, image)) {
            OverlayTree tree = recovered();
            tree.requireRoom();
            String file = tree.newFile(newIds);
            TrackerBinding tracker = TrackerBinding.ofOverlay(folder, image);
            try (ChainLocks locks = ChainLocks.take(stillThere(files), true)) {
                requireClosed(image);
                OverlayIntent intent = tree.intent().withUnnamed(List.of(file, image + NEW));
                intent.write(folder, image);
                try {
                    makeOverlay(folder, image, file, header(image));
                    folder.link(image, folder, file);
                    folder.sync();
                    folder.rename(image + NEW, image);
                    folder.sync();
                } finally {
                    OverlayTree.read(folder, image).settle();
                }
            }
            tracker.renew();
            return tree.idOf(file);
        }
    }

    /** Without a level that went when an earlier change was finished. */
    private ChainFiles stillThere(ChainFiles files) throws IOException {
        List<ChainFiles.Link> links = new ArrayList<>();
        for (ChainFiles.Link link : files.links()) {
            if (link.directory().exists(link.fileName())) {
                links.add(link);
            }
        }
        return new ChainFiles(files.name(), folder, List.copyOf(links), Optional.empty(), files.clusterSizeBytes());
    }

    /** {@link PreparedSnapshot} for an image in use. */
    PreparedSnapshot prepare() throws IOException {
        AttachedOverlay chain = attached;
        if (chain == null) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    folder.name() + "/" + image + ": is not attached; a snapshot of it needs no preparation");
        }
        Closeable lock = OverlayTree.lock(folder, image);
        boolean done = false;
        try {
            OverlayTree tree = recovered();
            PreparedSnapshot prepared = chain.prepare(tree, newIds, lock);
            done = true;
            return prepared;
        } finally {
            if (!done) {
                lock.close();
            }
        }
    }

    /** An empty image on a backing file of the folder, as {@code NAME.tidemark-new}; durable with its name. */
    static void makeOverlay(ImageDirectory folder, String image, String backing, Qcow2Header like) throws IOException {
        if (folder.exists(image + NEW)) {
            folder.delete(image + NEW);
        }
        try (ImageIo io = folder.create(image + NEW)) {
            Qcow2Format.create(io, like.geometry(), CreateOptions.USUAL.withBacking(backing, Qcow2Format.ID));
        }
        folder.sync();
    }

    static long diskBytes(ChainFiles files) throws IOException {
        ChainFiles.Link top = files.top();
        try (ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_ONLY)) {
            return Qcow2Header.read(io).geometry().diskSizeBytes();
        }
    }

    private Qcow2Header header(String file) throws IOException {
        return header(folder, file);
    }

    private static Qcow2Header header(ImageDirectory folder, String file) throws IOException {
        try (ImageIo io = folder.open(file, OpenMode.READ_ONLY)) {
            return Qcow2Header.read(io);
        }
    }

    private void requireClosed(String file) throws IOException {
        Qcow2Header header = header(file);
        if (header.dirty() || header.corrupt()) {
            throw new ImageException(
                    ImageException.Kind.NOT_CLOSED,
                    folder.name() + "/" + file + ": was not closed, or is marked corrupt; run image check --repair");
        }
    }

    SnapshotOperations.Deleted delete(String idOrFile) throws IOException {
        try (Closeable lock = OverlayTree.lock(folder, image)) {
            OverlayTree before = OverlayTree.read(folder, image);
            boolean begun =
                    !before.halfMerged().isEmpty() && before.find(idOrFile).equals(Optional.of(before.halfMerged()));
            OverlayTree tree = withoutPending(recovered(), idOrFile);
            if (begun && tree.halfMerged().isEmpty()) {
                return SnapshotOperations.Deleted.MERGED;
            }
            String file = tree.require(idOrFile);
            if (file.equals(image)) {
                throw tree.refused("is what is written to; 'tidemark snapshot switch' goes back to a snapshot");
            }
            List<String> above = tree.above(file);
            if (above.size() > 1) {
                // An image with a descriptor marks such a level and merges it later; nothing in these files could hold
                // the mark.
                throw tree.refused(String.join(" and ", above) + " stand on " + file
                        + ", which can be deleted when only one of them is left: delete the others first with 'tidemark"
                        + " snapshot delete', or keep it");
            }
            if (above.size() == 1) {
                TrackerBinding tracker = tracker();
                merge(tree, file, above.get(0));
                tracker.renew();
                return SnapshotOperations.Deleted.MERGED;
            }
            try (ImageLock own = folder.lock(file, true)) {
                folder.delete(file);
                folder.sync();
            }
            return SnapshotOperations.Deleted.REMOVED;
        }
    }

    void merge(String idOrFile) throws IOException {
        try (Closeable lock = OverlayTree.lock(folder, image)) {
            OverlayTree tree = recovered();
            if (!tree.halfMerged().isEmpty() && tree.find(idOrFile).equals(Optional.of(upperOf(tree)))) {
                merge(tree, tree.halfMerged(), upperOf(tree));
                return;
            }
            tree = withoutPending(tree, "");
            String file = tree.require(idOrFile);
            String below = tree.below(file);
            if (below.isEmpty()) {
                throw tree.refused(file + " is the base; there is nothing below it to merge with");
            }
            TrackerBinding tracker = tracker();
            merge(tree, below, file);
            tracker.renew();
        }
    }

    /** The tracker of an image in use is with its device. */
    private TrackerBinding tracker() throws IOException {
        return attached == null ? TrackerBinding.ofOverlay(folder, image) : TrackerBinding.NONE;
    }

    int mergeAll() throws IOException {
        try (Closeable lock = OverlayTree.lock(folder, image)) {
            int merged = 0;
            OverlayTree tree = withoutPending(recovered(), "");
            TrackerBinding tracker = tracker();
            for (List<String> chain = tree.chain(); chain.size() > 1; chain = tree.chain()) {
                merge(tree, chain.get(0), chain.get(1));
                merged++;
                tree = OverlayTree.read(folder, image);
            }
            tracker.renew();
            return merged;
        }
    }

    /** Finishes a merge that was broken off, unless that is what was asked for. */
    private OverlayTree withoutPending(OverlayTree tree, String idOrFile) throws IOException {
        String begun = tree.halfMerged();
        if (begun.isEmpty() || (!idOrFile.isEmpty() && tree.find(idOrFile).equals(Optional.of(begun)))) {
            return tree;
        }
        merge(tree, begun, upperOf(tree));
        return OverlayTree.read(folder, image);
    }

    private static String upperOf(OverlayTree tree) {
        return tree.above(tree.halfMerged()).get(0);
    }

    private void merge(OverlayTree tree, String lower, String upper) throws IOException {
        tree.requireNoLink();
        tree.requireHere(lower);
        tree.requireHere(upper);
        List<String> above = tree.above(lower);
        if (above.size() > 1) {
            throw tree.refused(
                    above + " stand on " + lower + ", and would change with it; delete all of them but one first");
        }
        requireMergeable(tree, lower, upper);
        AttachedOverlay chain = attached;
        if (chain != null && chain.holds(lower)) {
            chain.merge(tree, lower, upper, progress);
            return;
        }
        ChainLocks.requireOwn(folder, lower);
        ChainLocks.requireOwn(folder, upper);
        try (ImageLock lowerLock = folder.lock(lower, true);
                ImageLock upperLock = folder.lock(upper, true)) {
            requireClosed(upper);
            OverlayIntent.merge(lower).write(folder, image);
            try (Qcow2Delta from = Qcow2Format.open(
                            folder.open(upper, OpenMode.READ_ONLY),
                            null,
                            OpenIntent.READ,
                            AllocationCursor.transientCursor());
                    Qcow2Delta into = openLower(
                            folder, lower, lower.equals(tree.halfMerged()), AllocationCursor.transientCursor())) {
                DeltaMerge merge = DeltaMerge.of(from, into, tree.below(lower).isEmpty(), progress);
                into.markInUse();
                merge.run();
                into.markClosed();
            }
            folder.rename(lower, upper);
            folder.sync();
            OverlayIntent.NOTHING.write(folder, image);
        }
    }

    /** @param again whether its mark may be left from an attempt that was broken off */
    static Qcow2Delta openLower(ImageDirectory folder, String file, boolean again, AllocationCursor cursor)
            throws IOException {
        ImageIo io = folder.open(file, OpenMode.READ_WRITE);
        boolean opened = false;
        try {
            boolean dirty = Qcow2Header.read(io).dirty();
            Qcow2Delta delta =
                    Qcow2Format.open(io, null, dirty && again ? OpenIntent.RECOVER : OpenIntent.WRITE, cursor);
            opened = true;
            return delta;
        } finally {
            if (!opened) {
                io.close();
            }
        }
    }

    private void requireMergeable(OverlayTree tree, String lower, String upper) throws IOException {
        Qcow2Header above = header(upper);
        Qcow2Header below = header(lower);
        if (above.snapshots() > 0) {
            throw tree.refused(upper + " has " + above.snapshots()
                    + " internal snapshots, which would be lost; delete them first");
        }
        if (above.externalData() || below.externalData() || above.extendedL2() || below.extendedL2()) {
            throw tree.refused(
                    "levels with an external data file or with subclusters are not merged; image convert makes"
                            + " one image of them");
        }
        if (above.geometry().diskSizeBytes() != below.geometry().diskSizeBytes()
                || above.clusterSizeBytes() != below.clusterSizeBytes()) {
            throw tree.refused(lower + " and " + upper
                    + " have other disk sizes or cluster sizes; image convert makes one" + " image of them");
        }
    }

    void switchTo(String idOrFile) throws IOException {
        if (attached != null) {
            throw new ImageException(
                    ImageException.Kind.IN_USE,
                    folder.name() + "/" + image
                            + ": is attached, and its content would change under whoever uses it; detach it first");
        }
        try (Closeable lock = OverlayTree.lock(folder, image)) {
            OverlayTree tree = recovered();
            String file = tree.requireWhole(idOrFile);
            tree.requireHere(file);
            if (file.equals(image)) {
                throw tree.refused("is what is written to already");
            }
            tree.requireNoLink();
            ChainLocks.requireOwn(folder, image);
            try (ImageLock top = folder.lock(image, true)) {
                tree.intent().withUnnamed(List.of(image + NEW)).write(folder, image);
                try {
                    makeOverlay(folder, image, file, header(file));
                    folder.rename(image + NEW, image);
                    folder.sync();
                } finally {
                    OverlayTree.read(folder, image).settle();
                }
            }
        }
    }
}
