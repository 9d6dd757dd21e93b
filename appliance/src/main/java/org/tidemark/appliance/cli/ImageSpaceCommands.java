package org.tidemark.appliance.cli;

import static org.tidemark.appliance.cli.Output.fields;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.tidemark.appliance.service.ImageUpkeep;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainLocks;
import org.tidemark.ploop.chain.ImageLayout;
import org.tidemark.ploop.chain.ImagePlace;
import org.tidemark.ploop.chain.OwnerRecord;
import org.tidemark.ploop.device.DiskMap;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tidemark image compact} and {@code tidemark image map}: where the space of an image is. */
final class ImageSpaceCommands {
    private ImageSpaceCommands() {}

    @Command(
            name = "compact",
            description = {
                "Give back the space that an image does not need: clusters move from the end of the file into holes, and"
                        + " the file is cut. A container that uses the image waits a moment, again and again.",
                "Run fstrim in the container first, while it is attached: only what the file system has discarded is free."
            },
            mixinStandardHelpOptions = true)
    static final class Compact implements Callable<Integer> {
        private static final int READ_BYTES = 1 << 20;

        @Mixin
        private Output output = new Output();

        @Parameters(paramLabel = "IMAGE", description = "A folder with DiskDescriptor.xml, or a single file.")
        private Path path = Path.of("");

        @Option(
                names = "--zeros",
                description =
                        "Read the data too, and give back clusters that hold nothing but zeros; not while the image is"
                                + " attached.")
        private boolean zeros;

        @Override
        public Integer call() throws IOException {
            Optional<ImageUpkeep.Compacted> attached =
                    zeros ? Optional.empty() : ImageUpkeep.compact(System.getenv(), ImagePlace.of(path));
            if (attached.isPresent()) {
                tell(attached.get());
                return ExitCodes.DONE;
            }
            ChainFiles files = AttachedImage.filesOf(path);
            long before = topBytes(files);
            try (AttachedImage image = AttachedImage.open(
                    files,
                    AttachedImage.Use.READ_WRITE,
                    StateArea.inMemory(),
                    ChainLocks.take(files, true),
                    true,
                    OwnerRecord.ofCommand(),
                    UUID::randomUUID)) {
                if (files.links().size() == 1) {
                    releaseEmpty(image);
                }
                image.device().moveAtClose(Long.MAX_VALUE);
            }
            long after = topBytes(files);
            output.object(fields(
                    "image", files.name(), "fileBytes", after, "before", before, "givenBackBytes", before - after));
            return ExitCodes.DONE;
        }

        private void tell(ImageUpkeep.Compacted done) throws IOException {
            output.object(fields(
                    "image",
                    path.toString(),
                    "fileBytes",
                    done.fileBytes(),
                    "before",
                    done.beforeBytes(),
                    "givenBackBytes",
                    done.beforeBytes() - done.fileBytes(),
                    "longestPauseMillis",
                    done.longestPauseMillis(),
                    "complete",
                    done.complete()));
        }

        private static long topBytes(ChainFiles files) throws IOException {
            try (ImageIo io = files.top().directory().open(files.top().fileName(), OpenMode.READ_ONLY)) {
                return io.size();
            }
        }

        private void releaseEmpty(AttachedImage image) throws IOException {
            int cluster = image.device().clusterSizeBytes();
            AlignedBuffer buffer = AlignedBuffer.allocate(Math.min(READ_BYTES, cluster));
            for (long at = 0; at < image.sizeBytes(); at += cluster) {
                int length = (int) Math.min(cluster, image.sizeBytes() - at);
                if (isEmpty(image, at, length, buffer)) {
                    image.discard(at, length);
                }
            }
        }

        private boolean isEmpty(AttachedImage image, long at, int length, AlignedBuffer buffer) throws IOException {
            boolean[] data = {false};
            image.extents(at, length, (offset, part, zero) -> data[0] |= !zero);
            if (!data[0] || !zeros) {
                return !data[0];
            }
            for (int done = 0; done < length; done += buffer.capacity()) {
                int part = Math.min(buffer.capacity(), length - done);
                image.read(at + done, buffer, 0, part);
                if (!buffer.isZero(0, part)) {
                    return false;
                }
            }
            return true;
        }
    }

    @Command(
            name = "map",
            description = "Tell which parts of the disk hold data, in which file and where, and which read as zeros.",
            mixinStandardHelpOptions = true)
    static final class MapCommand implements Callable<Integer> {
        @Mixin
        private Output output = new Output();

        @Parameters(paramLabel = "IMAGE", description = "A folder with DiskDescriptor.xml, or a single file.")
        private Path path = Path.of("");

        @Override
        public Integer call() throws IOException {
            ChainFiles files = AttachedImage.filesOf(path);
            ImageLayout.of(files);
            List<Map<String, @Nullable Object>> rows = new ArrayList<>();
            try (AttachedImage image = ImageCommand.openReadOnly(files)) {
                DiskMap.visit(image.device(), extent -> rows.add(row(extent)));
            }
            output.rows(rows, "an empty disk");
            return ExitCodes.DONE;
        }

        private static Map<String, @Nullable Object> row(DiskMap.Extent extent) {
            boolean somewhere = extent.depth() >= 0;
            return fields(
                    "offsetBytes", extent.offsetBytes(),
                    "lengthBytes", extent.lengthBytes(),
                    "content", extent.zero() ? "zero" : "data",
                    "depth", somewhere ? extent.depth() : null,
                    "file", somewhere ? extent.file() : null,
                    "fileOffsetBytes", extent.fileOffsetBytes() >= 0 ? extent.fileOffsetBytes() : null);
        }
    }
}
