package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.DiskDescriptor;
import org.tidemark.ploop.chain.SnapshotOperations;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code tidemark snapshot ...}, on images that are not attached. */
@Command(
        name = "snapshot",
        description = "Snapshots kept in the image itself, of an image that is not attached.",
        mixinStandardHelpOptions = true,
        subcommands = {SnapshotCommand.Create.class, SnapshotCommand.ListAll.class})
final class SnapshotCommand {

    @Command(
            name = "create",
            description = "Freeze the present content as a level of the chain.",
            mixinStandardHelpOptions = true)
    static final class Create implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(paramLabel = "IMAGE", description = "A folder with DiskDescriptor.xml, or a single file.")
        private Path image = Path.of("");

        @Override
        public Integer call() throws IOException {
            ChainFiles files = ChainFiles.at(image, VfsImageDirectory::new);
            String guid = new SnapshotOperations(UUID::randomUUID).create(files);
            output.object(fields("image", files.name(), "snapshot", guid));
            return ExitCodes.DONE;
        }
    }

    @Command(name = "list", description = "List the levels of the chain.", mixinStandardHelpOptions = true)
    static final class ListAll implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(paramLabel = "IMAGE", description = "A folder with DiskDescriptor.xml, or a single file.")
        private Path image = Path.of("");

        @Override
        public Integer call() throws IOException {
            ChainFiles files = ChainFiles.at(image, VfsImageDirectory::new);
            DiskDescriptor descriptor = files.descriptor()
                    .orElseThrow(() -> new ImageException(
                            ImageException.Kind.UNSUPPORTED, files.name() + ": a single file has no snapshots"));
            List<Map<String, @Nullable Object>> rows = new ArrayList<>();
            for (SnapshotOperations.Snapshot one : SnapshotOperations.list(descriptor)) {
                rows.add(fields(
                        "snapshot",
                        one.guid(),
                        "parent",
                        one.parentGuid(),
                        "current",
                        one.current(),
                        "file",
                        one.file()));
            }
            output.rows(rows, "no snapshots");
            return ExitCodes.DONE;
        }
    }
}
