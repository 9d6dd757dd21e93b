package org.tidemark.appliance.service;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ImageLayout;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;

/** What can be told of an image without opening it, also while it is attached. */
public record ImageFacts(boolean folder, String formatId, int clusterBytes, long sizeBytes) {
    private static final int SECTOR_BYTES = 512;

    public static ImageFacts of(Path image) throws IOException {
        if (!ImagePlace.of(image).isThere()) {
            throw new NoSuchFileException(image + ": there is no such image");
        }
        ChainFiles files = AttachedImage.filesOf(image);
        ImageLayout layout = ImageLayout.of(files);
        long sizeBytes;
        if (files.descriptor().isPresent()) {
            sizeBytes = files.descriptor().get().geometry().diskSizeBytes();
        } else {
            try (ImageIo io = files.top().directory().open(files.top().fileName(), OpenMode.READ_ONLY)) {
                sizeBytes = switch (layout.formatId()) {
                    case ExpandedFormat.ID -> ExpandedFormat.readHeader(io).diskSectors() * SECTOR_BYTES;
                    case Qcow2Format.ID -> Qcow2Header.read(io).diskSizeBytes();
                    default -> io.size();
                };
            }
        }
        return new ImageFacts(layout.folder(), layout.formatId(), layout.clusterBytes(), sizeBytes);
    }
}
