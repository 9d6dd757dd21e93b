package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainLocks;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** Images that are none, damaged or in use: a sentence, the right exit code, and nothing changes. */
@Requires({"root", "fuse", "loop"})
@Timeout(120)
class BadImageIT {
    private Cli cli;

    @BeforeEach
    void start() throws IOException {
        cli = Cli.start("bad-image-");
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    private Path newImage(String name) throws Exception {
        Path image = cli.path(name);
        cli.ok("image", "create", image.toString(), "--size", "64M", "--no-partition");
        return image;
    }

    private static Path delta(Path image) {
        return image.resolve("root.hds");
    }

    @Test
    void whatIsNoImage() throws Exception {
        Path text = cli.path("text");
        Files.writeString(text, "This is no image.\n");
        Path folder = Files.createDirectory(cli.path("folder"));
        Path broken = Files.createDirectory(cli.path("broken"));
        Files.writeString(broken.resolve("DiskDescriptor.xml"), "<Parallels_disk_image><oops>");
        Path hollow = newImage("hollow");
        Files.delete(delta(hollow));
        String before = Cli.checksum(cli.path("broken")) + Cli.checksum(text);
        for (String verb : new String[] {"attach", "image info", "image check"}) {
            cli.refused(5, "text", (verb + " " + text).split(" "));
            cli.refused(5, "DiskDescriptor.xml", (verb + " " + folder).split(" "));
            cli.refused(5, "DiskDescriptor.xml", (verb + " " + broken).split(" "));
            cli.refused(3, "root.hds", (verb + " " + hollow).split(" "));
            cli.refused(3, "nowhere", (verb + " " + cli.path("nowhere")).split(" "));
        }
        cli.refused(5, "text", "container", "add", "c", "--image", text.toString());
        cli.refused(
                3,
                "nowhere",
                "container",
                "add",
                "c",
                "--image",
                cli.path("nowhere").toString());
        assertThat(cli.ok("container", "list", "--json").jsonRows()).isEmpty();
        assertThat(Cli.checksum(cli.path("broken")) + Cli.checksum(text)).isEqualTo(before);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aTruncatedImage() throws Exception {
        Path image = newImage("image");
        String block = cli.attach(image, "--name", "d");
        Cli.random(block, 0, 32);
        cli.ok("detach", "d");
        try (RandomAccessFile file = new RandomAccessFile(delta(image).toFile(), "rw")) {
            file.setLength(file.length() / 2);
        }
        String before = Cli.checksum(image);
        cli.refused(5, "end", "attach", image.toString());
        cli.ok("container", "add", "c", "--image", image.toString());
        cli.ok("target", "add", "t", cli.path("target").toString());
        cli.refused(5, "end", "backup", "c");
        Cli.Result check = cli.run("image", "check", image.toString(), "--json");
        assertThat(check.exitCode()).isEqualTo(5);
        assertThat(check.jsonRows()).isNotEmpty();
        cli.refused(5, "", "image", "convert", image.toString(), cli.path("to").toString(), "--to", "raw");
        assertThat(cli.path("to")).doesNotExist();
        try (RandomAccessFile file = new RandomAccessFile(delta(image).toFile(), "r")) {
            assertThat(file.length()).isGreaterThan(1 << 20);
        }
        assertThat(Cli.checksum(image)).isEqualTo(before);
        assertThat(cli.ok("devices", "--json").jsonRows()).isEmpty();

        try (RandomAccessFile file = new RandomAccessFile(delta(image).toFile(), "rw")) {
            file.setLength(40);
        }
        cli.refused(5, "root.hds", "attach", image.toString());
        cli.refused(5, "root.hds", "image", "info", image.toString());
    }

    @Test
    void sizesThatMakeNoSense() throws Exception {
        Path image = cli.path("image");
        for (String size : new String[] {"0", "-5M", "abc", "1Z", "", "99999999999T"}) {
            Cli.Result result = cli.run("image", "create", image.toString(), "--size", size);
            assertThat(result.exitCode()).as(size + ": " + result.err()).isEqualTo(2);
            assertThat(result.err()).doesNotContain("\tat ").doesNotContain("Exception");
            System.out.println(result.err().lines().findFirst().orElse(""));
        }
        for (String cluster : new String[] {"0", "1000", "3M", "8G"}) {
            Cli.Result result = cli.run("image", "create", image.toString(), "--size", "64M", "--cluster", cluster);
            assertThat(result.exitCode()).as(cluster + ": " + result.err()).isEqualTo(2);
            assertThat(result.err()).doesNotContain("\tat ").doesNotContain("Exception");
            System.out.println(result.err().lines().findFirst().orElse(""));
        }
        Cli.Result format = cli.run("image", "create", image.toString(), "--size", "64M", "--format", "vmdk");
        assertThat(format.exitCode()).as(format.err()).isEqualTo(2);
        Cli.Result fs = cli.run("image", "create", image.toString(), "--size", "64M", "--fs", "ntfs");
        assertThat(fs.exitCode()).as(fs.err()).isEqualTo(2);
        Path none = cli.path("none/image");
        cli.refused(3, "none", "image", "create", none.toString(), "--size", "64M");
        assertThat(image).doesNotExist();
        try (var left = Files.list(cli.folder())) {
            assertThat(left.filter(path -> path.toString().contains("partial"))).isEmpty();
        }
    }

    @Test
    void anImageInUse() throws Exception {
        Path image = newImage("image");
        cli.attach(image, "--name", "d");
        cli.refused(4, "attached already", "attach", image.toString());
        cli.refused(4, "attached already", "attach", image.toString(), "--name", "other");
        cli.refused(
                4,
                "in use",
                "image",
                "convert",
                image.toString(),
                cli.path("to").toString(),
                "--to",
                "raw");
        String guid = String.valueOf(
                cli.ok("snapshot", "create", image.toString(), "--json").json().get("snapshot"));
        cli.refused(4, "", "snapshot", "switch", image.toString(), guid);
        Path copy = cli.path("copy");
        Commands.run(Cli.LIMIT, "cp", "-a", image.toString(), copy.toString());
        cli.ok("detach", "d");

        try (ChainLocks held = ChainLocks.take(AttachedImage.filesOf(image), true)) {
            assertThat(held.locks()).isNotEmpty();
            String before = Cli.checksum(image);
            cli.refused(4, "in use", "attach", image.toString());
            assertThat(Cli.checksum(image)).isEqualTo(before);
        }
        cli.attach(image, "--name", "d");
        cli.ok("detach", "d");

        Path owner = copy.resolve("tidemark-owner");
        String[] words = Files.readString(owner).strip().split(" ");
        words[2] = "0".repeat(words[2].length());
        Files.write(owner, (String.join(" ", words) + "\n").getBytes(StandardCharsets.UTF_8));
        String before = Cli.checksum(copy);
        cli.refused(4, "--recover", "attach", copy.toString());
        assertThat(Cli.checksum(copy)).isEqualTo(before);
        cli.attach(copy, "--name", "d", "--recover");
        cli.ok("detach", "d");
        cli.ok("image", "check", copy.toString());
        cli.refused(3, "nothing", "detach", "nothing");
    }
}
