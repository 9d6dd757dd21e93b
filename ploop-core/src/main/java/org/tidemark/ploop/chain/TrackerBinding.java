package org.tidemark.ploop.chain;

import java.io.IOException;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.io.ImageDirectory;

/**
 * Keeps the changed-block tracker of a closed image right over a change of the tree that leaves the disk's content as it
 * was: it knows the image by what its files look like, see {@link ImageIdentity}, and must learn what they look like now.
 *
 * @param folder null when there is nothing to do
 * @param identity what the image looked like before
 */
record TrackerBinding(@org.jspecify.annotations.Nullable ImageDirectory folder, String identity) {
    /** The tracker's file beside an image with a descriptor. */
    static final String FILE_NAME = "tidemark-cbt";

    static final TrackerBinding NONE = new TrackerBinding(null, "");

    /** Before the change. */
    static TrackerBinding of(ImageDirectory folder) throws IOException {
        if (!folder.exists(FILE_NAME) || hasForeignFiles(folder)) {
            return NONE;
        }
        return new TrackerBinding(folder, ImageIdentity.of(ChainFiles.in(folder)));
    }

    /** After it. */
    void renew() throws IOException {
        ImageDirectory there = folder;
        if (there != null) {
            ChainFiles files = ChainFiles.in(there);
            long size = SnapshotOperations.described(files).geometry().diskSizeBytes();
            ChangedBlockTracker.rebind(there, FILE_NAME, size, identity, ImageIdentity.of(files));
        }
    }

    /** Then the image begins its tracking anew after the change, as it would without this class. */
    private static boolean hasForeignFiles(ImageDirectory folder) throws IOException {
        return DiskDescriptor.read(folder).images().stream()
                .anyMatch(image -> image.file().indexOf('/') >= 0);
    }
}
