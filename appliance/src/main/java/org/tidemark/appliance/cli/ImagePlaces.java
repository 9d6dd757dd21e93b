package org.tidemark.appliance.cli;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.tidemark.ploop.chain.ImagePlace;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Where an image is, as people write it: a path or an address. */
final class ImagePlaces implements ITypeConverter<ImagePlace> {
    @Override
    public ImagePlace convert(String text) {
        try {
            return ImagePlace.of(text);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }

    /** Paths, for what can be done only to files of this host. */
    static final class HostOnly implements ITypeConverter<Path> {
        @Override
        public Path convert(String text) {
            if (ImagePlace.isAddress(text)) {
                throw new TypeConversionException(
                        "'" + text
                                + "': this cannot be done on NFS; detach it, mount the export on this host and give the path there");
            }
            try {
                return Path.of(text);
            } catch (InvalidPathException e) {
                throw new TypeConversionException("'" + text + "' is no path: " + e.getReason());
            }
        }
    }
}
