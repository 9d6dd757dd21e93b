package org.tidemark.appliance.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.chain.DiskDescriptor;
import org.tidemark.ploop.chain.DiskDescriptor.Image;
import org.tidemark.ploop.chain.DiskDescriptor.Shot;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/**
 * Files that a script names, as levels of the image whose descriptor lies beside them, base first. What the tool does to bare
 * files is done to the image here, so that its descriptor never tells of what is gone.
 *
 * @param image the folder
 * @param path the image's levels from its base up to the highest that is named
 * @param named how many of them are named: the last ones
 * @param top whether the highest is the one that is written to
 */
record PloopLevels(Path image, List<Image> path, int named, boolean top) {
    /** Empty when a file is not one of an image with a descriptor, or they do not lie one above the other. */
    static Optional<PloopLevels> of(List<Path> baseFirst) throws IOException {
        List<String> names = new ArrayList<>();
        Path folder = null;
        for (Path file : baseFirst) {
            if (!Files.exists(file)) {
                throw new NoSuchFileException(file.toString());
            }
            Path real = file.toRealPath();
            if (folder != null && !folder.equals(real.getParent())) {
                return Optional.empty();
            }
            folder = real.getParent();
            names.add(String.valueOf(real.getFileName()));
        }
        if (folder == null || !Files.exists(folder.resolve(DiskDescriptor.FILE_NAME))) {
            return Optional.empty();
        }
        DiskDescriptor descriptor = DiskDescriptor.read(new VfsImageDirectory(folder));
        String highest = names.get(names.size() - 1);
        for (Shot shot : descriptor.shots()) {
            if (descriptor.imageOf(shot).file().equals(highest)) {
                List<Image> path = descriptor.pathTo(shot.guid());
                List<String> files = path.stream().map(Image::file).toList();
                boolean ends = files.size() >= names.size()
                        && files.subList(files.size() - names.size(), files.size())
                                .equals(names);
                return ends
                        ? Optional.of(new PloopLevels(
                                folder, path, names.size(), shot.guid().equals(descriptor.topGuid())))
                        : Optional.empty();
            }
        }
        return Optional.empty();
    }

    /** Whether all of the chain up to there is named. */
    boolean whole() {
        return named == path.size();
    }

    /** The guid of the highest level. */
    String highest() {
        return path.get(path.size() - 1).guid();
    }
}
