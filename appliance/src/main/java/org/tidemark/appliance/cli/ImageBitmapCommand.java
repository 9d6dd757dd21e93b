package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.PersistentBitmaps;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark image bitmap ...}: bitmaps of changes that lie in images, for other programs. */
@Command(
        name = "bitmap",
        description = {
            "Bitmaps of changes that lie in an image, for other programs.",
            "Those that record are kept current while it is attached, and stored when it is detached."
        },
        mixinStandardHelpOptions = true,
        subcommands = {ImageBitmapCommand.ListAll.class, ImageBitmapCommand.Add.class, ImageBitmapCommand.Remove.class})
final class ImageBitmapCommand {
    private static final String IMAGE = "A qcow2 file, or an expanded image.";

    @Command(name = "list", description = "List the bitmaps of an image.", mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(paramLabel = "IMAGE", description = IMAGE)
        private Path image = Path.of("");

        @Override
        public Integer call() throws IOException {
            List<Map<String, @Nullable Object>> rows = new ArrayList<>();
            for (PersistentBitmaps.Found one : PersistentBitmaps.list(AttachedImage.filesOf(image))) {
                rows.add(fields(
                        "bitmap", one.name(),
                        "granularityBytes", one.granularityBytes(),
                        "recording", one.recording(),
                        "inUse", one.inUse(),
                        "dirtyBytes", one.dirtyBytes()));
            }
            output.rows(rows, "no bitmaps");
            return ExitCodes.DONE;
        }
    }

    @Command(name = "add", description = "Add an empty bitmap.", mixinStandardHelpOptions = true)
    static final class Add implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(index = "0", paramLabel = "IMAGE", description = IMAGE)
        private Path image = Path.of("");

        @Parameters(index = "1", paramLabel = "NAME", description = "What it is called; in an expanded image a UUID.")
        private String name = "";

        @Option(
                names = "--granularity",
                converter = Sizes.class,
                defaultValue = "64K",
                description = "What one bit stands for: a power of two (64K).")
        private long granularityBytes;

        @Option(names = "--disabled", description = "Do not record writes in it.")
        private boolean disabled;

        @Override
        public Integer call() throws IOException {
            PersistentBitmaps.add(AttachedImage.filesOf(image), name, granularityBytes, !disabled);
            output.object(fields("image", image.toString(), "bitmap", name, "recording", !disabled));
            return ExitCodes.DONE;
        }
    }

    @Command(name = "remove", description = "Remove a bitmap.", mixinStandardHelpOptions = true)
    static final class Remove implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(index = "0", paramLabel = "IMAGE", description = IMAGE)
        private Path image = Path.of("");

        @Parameters(index = "1", paramLabel = "NAME", description = "As 'tidemark image bitmap list' shows it.")
        private String name = "";

        @Override
        public Integer call() throws IOException {
            PersistentBitmaps.remove(AttachedImage.filesOf(image), name);
            output.object(fields("image", image.toString(), "removed", name));
            return ExitCodes.DONE;
        }
    }
}
