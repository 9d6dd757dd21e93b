package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
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
            "Make the disk of an image larger, with its partition and its file system; what it holds stays. Of an attached"
                    + " image, also a mounted one, everything goes on meanwhile, and the next backup is an increment; an"
                    + " ext4 that is mounted can grow only where the kernel permits it. Otherwise the image is attached"
                    + " for a moment and the next backup reads everything once.",
            "Interrupted, the same command goes on."
        },
        mixinStandardHelpOptions = true)
final class ImageResizeCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Parameters(
            index = "0",
            paramLabel = "IMAGE",
            description = "A folder with DiskDescriptor.xml, a single file, or an attached device by its name or block"
                    + " device.")
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
        ImageResize.Resized resized = ImageResize.grow(System.getenv(), image, sizeBytes, !diskOnly);
        output.object(fields(
                "image",
                image.toString(),
                "sizeBytes",
                resized.sizeBytes(),
                "fileSystem",
                resized.fileSystem().map(FileSystemType::mountName).orElse(null)));
        return ExitCodes.DONE;
    }
}
