package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.service.ImageReduction;
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
            "With --shrink a disk with an ext4 becomes smaller: file system, partition, image, which is not attached"
                    + " meanwhile.",
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
            arity = "0..1",
            paramLabel = "SIZE",
            converter = Sizes.class,
            description = "The new size, such as 20G; rounded up to whole clusters.")
    private @Nullable Long sizeBytes;

    @Option(names = "--no-file-system", description = "Leave the file system as large as it is.")
    private boolean diskOnly;

    @Option(
            names = "--shrink",
            description = "The size is smaller than now. What is in the file system must fit; snapshots must be gone.")
    private boolean shrink;

    @Option(names = "--minimum", description = "Only tell how small the disk could be made.")
    private boolean minimumOnly;

    @Override
    public Integer call() throws IOException {
        Map<String, String> environment = System.getenv();
        Long size = sizeBytes;
        if (minimumOnly == (size != null) || (shrink && (minimumOnly || diskOnly))) {
            throw new IllegalArgumentException(
                    "say the new size, with --shrink for a smaller one; or --minimum alone to learn how small it can be");
        }
        if (size == null) {
            output.object(
                    fields("image", image.toString(), "minimumBytes", ImageReduction.minimum(environment, image)));
        } else if (shrink) {
            output.object(fields("image", image.toString(), "sizeBytes", ImageReduction.run(environment, image, size)));
        } else {
            ImageResize.Resized resized = ImageResize.grow(environment, image, size, !diskOnly);
            output.object(fields(
                    "image",
                    image.toString(),
                    "sizeBytes",
                    resized.sizeBytes(),
                    "fileSystem",
                    resized.fileSystem().map(FileSystemType::mountName).orElse(null)));
        }
        return ExitCodes.DONE;
    }
}
