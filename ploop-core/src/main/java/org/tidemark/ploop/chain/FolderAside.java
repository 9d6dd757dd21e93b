package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;

/**
 * The folder that a single file is about to become: made beside it under another name, which then changes places with the
 * file's own. Afterwards the other name is that of the file, and goes.
 *
 * <pre>
 *   crash before the exchange: the unfinished folder goes when somebody writes to the file, or tries again
 *   crash after it: the file's old name goes before anybody writes to it
 * </pre>
 */
final class FolderAside {
    private final ImageDirectory directory;
    private final String file;

    /** Of {@code file} in {@code directory}; nothing is made yet. */
    FolderAside(ImageDirectory directory, String file) {
        this.directory = directory;
        this.file = file;
    }

    private String name() {
        return "." + file + ".tidemark-folder";
    }

    /** What an earlier attempt left must be gone. */
    ImageDirectory make() throws IOException {
        return directory.createFolder(name());
    }

    /** Removes an unfinished folder, if there is one; the file is locked by the caller. */
    void remove() throws IOException {
        if (directory.hasFolder(name())) {
            ImageDirectory folder = directory.folder(name());
            for (String inside : folder.list()) {
                folder.delete(inside);
            }
            directory.deleteFolder(name());
            directory.sync();
        }
    }

    /** The commit, once the directory is synchronised. */
    void exchange() throws IOException {
        try {
            directory.exchange(file, name());
        } catch (ImageException e) {
            throw new ImageException(
                    e.kind(),
                    e.getMessage() + "; make a folder of it with 'tidemark image clone' or 'image convert'",
                    e);
        }
    }

    /** Removes what only the single file had; the exchange is durable. Its own name goes last: it says that this is to be done. */
    void settle() throws IOException {
        for (String gone : List.of(file + "." + TrackerBinding.FILE_NAME, file + "." + OwnerRecord.FILE_NAME)) {
            if (directory.exists(gone)) {
                directory.delete(gone);
            }
        }
        directory.sync();
        directory.delete(name());
        directory.sync();
    }

    /**
     * Removes the second name that a crash left of {@code file} in {@code folder}, be it the base of an image that has become
     * a folder, or the single file of one that has not, so that the file is this image's own. Does nothing when there is
     * none.
     *
     * @throws ImageException IN_USE while somebody is making the folder just now
     */
    static void finish(ImageDirectory folder, String file) throws IOException {
        FolderAside unfinished = new FolderAside(folder, file);
        if (folder.hasFolder(unfinished.name())) {
            try (ImageDirectory.ImageLock nobodyIsAtIt = folder.lock(file, true)) {
                unfinished.remove();
            }
        }
        finishFolder(folder);
    }

    /** The same for an image that the caller is about to write to, and has locked. */
    static void finish(ChainFiles locked) throws IOException {
        if (locked.descriptor().isEmpty()) {
            new FolderAside(locked.directory(), locked.top().fileName()).remove();
        } else {
            finishFolder(locked.directory());
        }
    }

    private static void finishFolder(ImageDirectory folder) throws IOException {
        Optional<ImageDirectory.Entry> entry = folder.entry();
        if (entry.isEmpty()) {
            return;
        }
        ImageDirectory above = entry.get().folder();
        FolderAside done = new FolderAside(above, entry.get().name());
        if (above.exists(done.name()) && !above.hasFolder(done.name())) {
            // The exchange may have been seen and not be durable.
            above.sync();
            done.settle();
        }
    }
}
