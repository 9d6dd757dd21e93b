package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.tidemark.appliance.service.DataPlane;
import org.tidemark.appliance.service.ImageResize;
import org.tidemark.ploop.filesystem.FileSystemType;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark image resize}. */
@Command(
        name = "resize",
        description = {
            "Make the disk of an image larger, with its partition and its file system (attaches the image for a moment). The"
                    + " image must not be attached; what it holds stays. The next backup reads everything once.",
            "Interrupted, the same command goes on."
        },
        mixinStandardHelpOptions = true)
final class ImageResizeCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Parameters(index = "0", paramLabel = "IMAGE", description = "A folder with DiskDescriptor.xml, or a single file.")
    private Path image = Path.of("");

    @Parameters(
            index = "1",
            paramLabel = "SIZE",
            converter = Sizes.class,
            description = "The new size, such as 20G; rounded up to whole clusters.")
    private long sizeBytes;

    @Option(names = "--no-file-system", description = "Leave the file system as large as it is.")
    private boolean diskOnly;

    @Override
    public Integer call() throws IOException {
        long size = ImageResize.growDisk(image, sizeBytes);
        Optional<FileSystemType> type = Optional.empty();
        if (!diskOnly) {
            try (DataPlane plane = DataPlane.connect(System.getenv())) {
                type = ImageResize.growFileSystem(plane, image);
            }
        }
        output.object(fields(
                "image",
                image.toString(),
                "sizeBytes",
                size,
                "fileSystem",
                type.map(FileSystemType::mountName).orElse(null)));
        return ExitCodes.DONE;
    }
}
