package org.tidemark.ploop.chain;

import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * Keeps the changed-block tracker of a closed image right over a change that leaves the disk's content as it was: it knows
 * the image by what its files look like, see {@link ImageIdentity}, and must learn what they look like now.
 *
 * @param folder null when there is nothing to do
 * @param fileName the tracker's file in it
 * @param identity what the image looked like before
 * @param finder how its files are found afterwards
 */
record TrackerBinding(@Nullable ImageDirectory folder, String fileName, String identity, Finder finder) {
    /** The tracker's file beside an image with a descriptor; of another image its name with that of the image in front. */
    static final String FILE_NAME = "tidemark-cbt";

    static final TrackerBinding NONE = new TrackerBinding(null, "", "", () -> {
        throw new IllegalStateException("nothing is bound");
    });

    /** Finds the files of an image as they are now. */
    @FunctionalInterface
    interface Finder {
        ChainFiles find() throws IOException;
    }

    /** Of an image with a descriptor; before the change. */
    static TrackerBinding of(ImageDirectory folder) throws IOException {
        if (!folder.exists(FILE_NAME) || hasForeignFiles(folder)) {
            return NONE;
        }
        return before(folder, FILE_NAME, () -> ChainFiles.in(folder));
    }

    /** Of a qcow2 image and the files that it stands on. */
    static TrackerBinding ofOverlay(ImageDirectory folder, String image) throws IOException {
        if (!folder.exists(besideFile(image))) {
            return NONE;
        }
        try {
            return before(folder, besideFile(image), () -> OverlayTree.filesIn(folder, image));
        } catch (ImageException e) {
            // It stands on files of other folders or formats: its tracking begins anew.
            return NONE;
        }
    }

    /** Of whatever image it is. */
    static TrackerBinding of(ChainFiles files) throws IOException {
        if (files.descriptor().isPresent()) {
            return of(files.directory());
        }
        String image = files.top().fileName();
        if (OverlaySnapshots.concerns(files)) {
            return ofOverlay(files.directory(), image);
        }
        return files.directory().exists(besideFile(image))
                ? before(files.directory(), besideFile(image), () -> files)
                : NONE;
    }

    private static TrackerBinding before(ImageDirectory folder, String fileName, Finder finder) throws IOException {
        return new TrackerBinding(folder, fileName, ImageIdentity.of(finder.find()), finder);
    }

    private static String besideFile(String image) {
        return image + "." + FILE_NAME;
    }

    /** After it. */
    void renew() throws IOException {
        ImageDirectory there = folder;
        if (there != null) {
            ChainFiles files = finder.find();
            ChangedBlockTracker.rebind(there, fileName, diskBytes(files), identity, ImageIdentity.of(files));
        }
    }

    private static long diskBytes(ChainFiles files) throws IOException {
        if (files.descriptor().isPresent()) {
            return files.descriptor().get().geometry().diskSizeBytes();
        }
        if (OverlaySnapshots.concerns(files)) {
            return OverlaySnapshots.diskBytes(files);
        }
        ChainFiles.Link top = files.top();
        try (ImageIo io = top.directory().open(top.fileName(), OpenMode.READ_ONLY)) {
            return top.formatId().equals(ExpandedFormat.ID)
                    ? ExpandedFormat.readHeader(io).geometry().diskSizeBytes()
                    : io.size();
        }
    }

    /** Then the image begins its tracking anew after the change, as it would without this class. */
    private static boolean hasForeignFiles(ImageDirectory folder) throws IOException {
        return DiskDescriptor.read(folder).images().stream()
                .anyMatch(image -> image.file().indexOf('/') >= 0);
    }
}
