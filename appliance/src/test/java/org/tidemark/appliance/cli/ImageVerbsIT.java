package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** The verbs for images as files: versions, space, check and repair. */
@Requires({"root", "fuse", "loop"})
@Timeout(180)
class ImageVerbsIT {
    private Cli cli;

    @BeforeEach
    void start() throws IOException {
        cli = Cli.start("image-verbs-");
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private static void word(Path file, long offset, int value) throws IOException {
        try (RandomAccessFile words = new RandomAccessFile(file.toFile(), "rw")) {
            words.seek(offset);
            words.writeInt(Integer.reverseBytes(value));
        }
    }

    @Test
    void versionsAndLayouts() throws Exception {
        String image = cli.path("one").toString();
        cli.ok("image", "create", image, "--size", "64M", "--format-version", "1");
        assertThat(files(image).get(0)).containsEntry("formatVersion", 1);
        cli.ok("image", "convert", image, "--in-place", "--format-version", "2");
        assertThat(files(image).get(0)).containsEntry("formatVersion", 2);
        String copy = cli.path("copy").toString();
        cli.ok("image", "convert", image, copy, "--to", "expanded", "--format-version", "1", "--preallocated");
        assertThat(files(copy).get(0)).containsEntry("formatVersion", 1).containsEntry("wastedClusters", 0);
        assertThat(Files.size(Path.of(copy, "root.hds"))).isEqualTo(65L << 20);
        assertThat(Files.readString(Path.of(copy, "DiskDescriptor.xml"))).contains("<Preallocated>1</Preallocated>");
        cli.ok("image", "check", copy);
        cli.refused(2, "in-place", "image", "convert", image, copy, "--in-place");
        cli.refused(2, "version 3", "image", "convert", image, "--in-place", "--format-version", "3");
    }

    @SuppressWarnings("unchecked")
    private List<Map<String, Object>> files(String image) throws Exception {
        return (List<Map<String, Object>>)
                cli.ok("image", "info", image, "--json").json().get("files");
    }

    @SuppressWarnings("unchecked")
    private List<Map<String, Object>> rows(String... command) throws Exception {
        List<?> rows = cli.ok(command).jsonRows();
        return (List<Map<String, Object>>) rows;
    }

    @Test
    void trimmedSpaceIsGivenBack() throws Exception {
        Path image = cli.path("trimmed");
        cli.ok("image", "create", image.toString(), "--size", "256M", "--no-partition");
        String block = cli.attach(image, "--name", "d");
        Cli.random(block, 0, 128);
        Commands.run(java.time.Duration.ofSeconds(30), "blkdiscard", "-o", "0", "-l", "100M", block);
        cli.ok("detach", "d");
        long detached = Files.size(image.resolve("root.hds"));
        assertThat(detached).isLessThan(70L << 20);
        cli.ok("image", "compact", image.toString());
        assertThat(Files.size(image.resolve("root.hds"))).isEqualTo(29L << 20);
        cli.ok("image", "check", image.toString());
        List<Map<String, Object>> data = rows("image", "map", image.toString(), "--json").stream()
                .filter(row -> row.get("content").equals("data"))
                .toList();
        assertThat(data).allMatch(row -> row.get("depth").equals(0) && row.get("fileOffsetBytes") != null);
        assertThat(data.stream()
                        .mapToLong(row -> ((Number) row.get("lengthBytes")).longValue())
                        .sum())
                .isEqualTo(28L << 20);
    }

    @Test
    void bitmapsOfAnExpandedImageAreKeptCurrentWhileItIsAttached() throws Exception {
        String image = cli.path("marked").toString();
        String id = "e4f2eed0-37fe-4539-b50b-85d2e7fd235f";
        cli.ok("image", "create", image, "--size", "64M", "--no-partition");
        cli.refused(2, "UUID", "image", "bitmap", "add", image, "mine");
        cli.ok("image", "bitmap", "add", image, id);
        String block = cli.attach(cli.path("marked"), "--name", "d");
        Cli.random(block, 20, 2);
        cli.ok("detach", "d");
        Map<String, Object> kept =
                rows("image", "bitmap", "list", image, "--json").get(0);
        assertThat(kept).containsEntry("bitmap", id).containsEntry("dirtyBytes", 2 << 20);
        cli.ok("image", "bitmap", "remove", image, id);
        cli.refused(2, "has no bitmap", "image", "bitmap", "remove", image, id);
        cli.ok("image", "check", image);
    }

    @Test
    void damageIsRepairedAndPutBack() throws Exception {
        Path image = cli.path("damaged");
        cli.ok("image", "create", image.toString(), "--size", "64M");
        Path delta = image.resolve("root.hds");
        word(delta, 64 + 4 * 40, 1);
        word(delta, 64 + 4 * 41, 1000);
        String before = Cli.checksum(delta);
        Cli.Result found = cli.run("image", "check", image.toString(), "--json");
        assertThat(found.exitCode()).isEqualTo(ExitCodes.DAMAGED);
        assertThat(found.jsonRows()).hasSize(2);
        assertThat(Cli.checksum(delta)).as("only looking").isEqualTo(before);
        Map<String, Object> repaired =
                cli.ok("image", "check", image.toString(), "--repair", "--json").json();
        assertThat((List<?>) repaired.get("left")).isEmpty();
        assertThat((List<?>) repaired.get("undoFiles")).hasSize(1);
        cli.ok("image", "check", image.toString());
        cli.ok("image", "check", "--undo", image.resolve("root.hds.undo-1").toString());
        assertThat(Cli.checksum(delta)).isEqualTo(before);
        cli.refused(
                3, "nowhere", "image", "check", "--undo", cli.path("nowhere").toString());
    }

    @Test
    void anAttachedImageIsMendedAndMadeSmallerUnderItsDevice() throws Exception {
        Path image = cli.path("attached");
        cli.ok("image", "create", image.toString(), "--size", "256M", "--no-partition");
        String block = cli.attach(image, "--name", "d");
        Cli.random(block, 0, 128);
        assertThat(cli.ok("image", "check", image.toString(), "--json").jsonRows())
                .isEmpty();
        Path delta = image.resolve("root.hds");
        Commands.run(java.time.Duration.ofSeconds(30), "blkdiscard", "-o", "0", "-l", "100M", block);
        Map<String, Object> compacted =
                cli.ok("image", "compact", image.toString(), "--json").json();
        assertThat(compacted).containsEntry("complete", true);
        assertThat(Files.size(delta)).isEqualTo(29L << 20);
        String content = Cli.checksum(Path.of(block));

        word(delta, 64 + 4 * 300, 7);
        Map<String, Object> repaired =
                cli.ok("image", "check", image.toString(), "--repair", "--json").json();
        assertThat((List<?>) repaired.get("found")).hasSize(1);
        assertThat((List<?>) repaired.get("left")).isEmpty();
        assertThat((List<?>) repaired.get("undoFiles")).hasSize(1);
        assertThat(Cli.checksum(Path.of(block))).isEqualTo(content);
        cli.refused(4, "root.hds", "image", "compact", image.toString(), "--zeros");
        cli.refused(4, "root.hds", "image", "convert", image.toString(), "--in-place", "--format-version", "1");
        cli.ok("detach", "d");
        cli.ok("image", "check", image.toString());
    }
}
