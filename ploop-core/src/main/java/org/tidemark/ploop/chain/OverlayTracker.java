package org.tidemark.ploop.chain;

import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;

/**
 * Keeps the changed-block tracker of a closed qcow2 image right over a change of its snapshots that leaves the disk's content
 * as it was, as {@link TrackerBinding} does for images with a descriptor.
 *
 * @param folder null when there is nothing to do
 * @param identity what the image looked like before
 */
record OverlayTracker(@Nullable ImageDirectory folder, String image, String identity) {
    static final OverlayTracker NONE = new OverlayTracker(null, "", "");

    /** Before the change. */
    static OverlayTracker of(ImageDirectory folder, OverlayTree tree, String image) throws IOException {
        if (!folder.exists(fileOf(image))) {
            return NONE;
        }
        try {
            return new OverlayTracker(folder, image, ImageIdentity.of(tree.filesOf(image)));
        } catch (ImageException e) {
            // It stands on files of other folders or formats: its tracking begins anew.
            return NONE;
        }
    }

    private static String fileOf(String image) {
        return image + "." + TrackerBinding.FILE_NAME;
    }

    /** After it. */
    void renew() throws IOException {
        ImageDirectory there = folder;
        if (there != null) {
            ChainFiles files = OverlayTree.filesIn(there, image);
            ChangedBlockTracker.rebind(
                    there, fileOf(image), OverlaySnapshots.diskBytes(files), identity, ImageIdentity.of(files));
        }
    }
}
