package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.LostDescriptor;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.raw.RawFormat;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark image restore-descriptor}. */
@Command(
        name = "restore-descriptor",
        description =
                "Make a new DiskDescriptor.xml for the base of an image that has lost its own. Snapshots above it cannot"
                        + " be brought back.",
        mixinStandardHelpOptions = true)
final class RestoreDescriptorCommand implements Callable<Integer> {
    @Mixin
    private Output output = new Output();

    @Parameters(index = "0", paramLabel = "DIR", description = "The image's folder.")
    private Path folder = Path.of("");

    @Parameters(index = "1", paramLabel = "BASE", description = "The base delta, a file in that folder.")
    private Path base = Path.of("");

    @Option(names = "--format", description = "expanded or raw; what the file says when left out.")
    private @Nullable String format;

    @Option(
            names = "--cluster",
            converter = Sizes.class,
            paramLabel = "SIZE",
            description = "For a raw base; the largest from 32K to 1M that fits when left out.")
    private long clusterBytes;

    @Override
    public Integer call() throws IOException {
        String wanted = format;
        if (wanted != null && !wanted.equals(ExpandedFormat.ID) && !wanted.equals(RawFormat.ID)) {
            throw new IllegalArgumentException("--format is expanded or raw");
        }
        Path delta = base.isAbsolute() || base.getNameCount() > 1 ? base : folder.resolve(base);
        ChainFiles files = LostDescriptor.restore(folder, delta, wanted, Math.toIntExact(clusterBytes));
        output.object(fields(
                "image",
                folder.toString(),
                "base",
                files.top().fileName(),
                "format",
                files.top().formatId(),
                "clusterBytes",
                files.clusterSizeBytes()));
        return ExitCodes.DONE;
    }
}
