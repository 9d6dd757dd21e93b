package org.tidemark.ploop.chain;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.tidemark.ploop.device.cbt.ChangedBlockTracker;
import org.tidemark.ploop.handover.DepartureMark;
import org.tidemark.ploop.handover.HandOverFile;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/**
 * A closed image that goes from one host to another, file by file: which files it is, what it looks like there, and that its
 * changed-block tracker knows it again here, so that the next backup is an increment. Only an image in a folder of its own, with
 * everything in it.
 */
public final class MovedImage {
    private MovedImage() {}

    /** The files that lie in the folder and are the image, without those that only this host needs; the top first. */
    public static List<String> fileNames(ChainFiles files) throws IOException {
        if (files.descriptor().isEmpty()) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    files.name() + ": only an image in a folder of its own moves to another host; make one of it with"
                            + " 'tidemark image convert'");
        }
        List<String> names = new java.util.ArrayList<>();
        names.add(files.top().fileName());
        for (ChainFiles.Link link : files.links()) {
            if (!link.directory().name().equals(files.directory().name())) {
                throw new ImageException(
                        ImageException.Kind.UNSUPPORTED,
                        files.name() + ": " + link.fileName() + " lies in another folder, "
                                + link.directory().name()
                                + "; an image moves only with all its files in one. Make one of it with 'tidemark image"
                                + " convert'");
            }
            if (!names.contains(link.fileName())) {
                names.add(link.fileName());
            }
        }
        for (DiskDescriptor.Image image : files.descriptor().get().images()) {
            // Snapshots that the top does not stand on.
            if (image.file().indexOf('/') < 0 && !names.contains(image.file())) {
                names.add(image.file());
            }
        }
        names.add(DiskDescriptor.FILE_NAME);
        return List.copyOf(names);
    }

    /** What the tracker's file is called, which changes while the image is used, and is copied when it is closed. */
    public static String trackerFile() {
        return TrackerBinding.FILE_NAME;
    }

    /** What the closed image looks like to its tracker. */
    public static String identity(ChainFiles files) throws IOException {
        return ImageIdentity.of(files);
    }

    /**
     * The image has arrived in {@code folder}, whole: its tracker, if it came along, knows it by what it looks like here. Durable
     * on return; can be repeated.
     *
     * @param identityThere what it looked like where it came from
     */
    public static void adopt(Path folder, String identityThere) throws IOException {
        ChainFiles files = ChainFiles.at(folder, VfsImageDirectory::new);
        ChainLocks.requireUnused(files);
        ChangedBlockTracker.rebind(
                files.directory(),
                TrackerBinding.FILE_NAME,
                files.descriptor().orElseThrow().geometry().diskSizeBytes(),
                identityThere,
                ImageIdentity.of(files));
        files.directory().sync();
    }

    /** Which host the image belongs to. */
    public static HandOverFile record(Path folder) throws IOException {
        return new HandOverFile(new VfsImageDirectory(folder), HandOverFile.FILE_NAME);
    }

    /** Whether it is closed for its last copy just now. */
    public static DepartureMark mark(Path folder) throws IOException {
        return new DepartureMark(new VfsImageDirectory(folder), DepartureMark.FILE_NAME);
    }
}
