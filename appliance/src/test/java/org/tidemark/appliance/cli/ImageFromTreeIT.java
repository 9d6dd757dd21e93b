package org.tidemark.appliance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tidemark.ploop.testing.Commands;
import org.tidemark.ploop.testing.Requires;

/** Containers made of a directory tree, an OCI bundle and an OCI image: everything about every file is kept. */
@Requires({"root", "fuse", "loop", "mkfs.ext4", "mkfs.xfs", "unshare", "python3"})
@Timeout(240)
class ImageFromTreeIT {
    /** Part of every image with an ext4, as other tools make them. */
    private static final String BALLOON = ".balloon-c3a5ae3d-ce7f-43c4-a1ea-c61e2b4504e8";

    private static final String MAKE_TREE = """
            import os, struct, sys
            os.chdir(sys.argv[1])
            os.makedirs('etc/deep/er')
            open('etc/passwd', 'w').write('root:x:0:0::/:/bin/sh\\n')
            os.link('etc/passwd', 'etc/deep/passwd-too')
            os.symlink('/etc/shadow', 'etc/link')
            os.symlink('nowhere', 'etc/dangling')
            with open('sparse', 'wb') as f:
                f.write(b'begin'); f.seek(30 << 20); f.write(b'end')
            open('setuid', 'w').write('x'); os.chown('setuid', 1000, 1001); os.chmod('setuid', 0o4755)
            os.mkfifo('fifo', 0o640)
            os.mknod('null', 0o020666, os.makedev(1, 3))
            open('name with space\\nand more \\xff', 'w').write('odd')
            os.setxattr('etc/passwd', 'user.colour', b'blue\\0green')
            entry = struct.Struct('<HHI'); nobody = 0xffffffff
            acl = struct.pack('<I', 2) + b''.join(entry.pack(*e) for e in
                [(1, 6, nobody), (2, 7, 1234), (4, 4, nobody), (16, 7, nobody), (32, 4, nobody)])
            os.setxattr('setuid', 'system.posix_acl_access', acl)
            os.mkdir('shared', 0o2775); os.setxattr('shared', 'system.posix_acl_default', acl)
            open('server', 'w').write('#!/bin/sh\\n')
            os.setxattr('server', 'security.capability', struct.pack('<IIIII', 0x02000001, 1 << 10, 0, 0, 0))
            for name in ('etc/passwd', 'fifo', 'etc/deep', 'sparse'):
                os.utime(name, ns=(1234567890123456789, 1234567890123456789))
            """;
    /** Everything that tar knows of a tree; XFS shows an ACL a second time, under a name of its own. */
    private static final String FINGERPRINT =
            "cd \"$0\" && tar --sort=name --numeric-owner --xattrs --xattrs-include='*' --xattrs-exclude='trusted.SGI*'"
                    + " --acls --format=posix --pax-option='exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime'"
                    + " -cf - . | sha256sum";

    private Cli cli;

    @BeforeEach
    void start() throws IOException {
        cli = Cli.start("tree-");
    }

    @AfterEach
    void stop() throws IOException {
        cli.close();
    }

    /** Attaches and mounts an image of this test. */
    private Path mounted(String image) throws Exception {
        Path mount = Files.createDirectory(cli.path("mnt-" + image));
        cli.ok("attach", cli.path(image).toString(), "--mount", mount.toString());
        return mount;
    }

    /** A tree on an ext4 of its own, with everything that is easily lost. */
    private Path tree() throws Exception {
        cli.ok("image", "create", cli.path("source").toString(), "--size", "128M", "--fs", "ext4");
        Path tree = mounted("source");
        Commands.run(Cli.LIMIT, "python3", "-c", MAKE_TREE, tree.toString());
        return tree;
    }

    private static String fingerprint(Path tree) throws Exception {
        return Commands.run(Cli.LIMIT, "sh", "-c", FINGERPRINT, tree.toString());
    }

    @Test
    void everythingOfATreeIsKept() throws Exception {
        Path tree = tree();
        cli.ok("image", "create", cli.path("copy").toString(), "--size", "128M", "--from", tree.toString());
        Path copy = mounted("copy");
        assertThat(fingerprint(copy)).isEqualTo(fingerprint(tree));
        assertThat(Files.getAttribute(copy.resolve("etc/passwd"), "unix:ino"))
                .isEqualTo(Files.getAttribute(copy.resolve("etc/deep/passwd-too"), "unix:ino"));
        assertThat(Commands.run(Cli.LIMIT, "du", "-k", copy.resolve("sparse").toString()))
                .startsWith("8\t");
        Commands.run(Cli.LIMIT, "chmod", "4754", copy.resolve("setuid").toString());
        assertThat(fingerprint(copy)).isNotEqualTo(fingerprint(tree));
    }

    @Test
    void whileATreeIsCopiedOtherDevicesCanBeDetached() throws Exception {
        Path tree = tree();
        Cli.random(tree.resolve("large"), 0, 60);
        cli.ok("image", "create", cli.path("other").toString(), "--size", "64M", "--fs", "ext4");
        mounted("other");
        Cli.Running copying =
                cli.begin("image", "create", cli.path("copy").toString(), "--size", "128M", "--from", tree.toString());
        long[] copier = {0};
        Cli.await("the tree is being copied", () -> (copier[0] = copierOf(copying.process())) != 0);
        Commands.run(Cli.LIMIT, "kill", "-STOP", String.valueOf(copier[0]));
        try {
            cli.ok("detach", cli.path("other").toString());
            assertThat(copying.process().isAlive()).isTrue();
        } finally {
            Commands.run(Cli.LIMIT, "kill", "-CONT", String.valueOf(copier[0]));
        }
        assertThat(copying.await().exitCode()).isZero();
        assertThat(fingerprint(mounted("copy"))).isEqualTo(fingerprint(tree));
    }

    /** The cp below a command that copies the tree; 0 while there is none. */
    private static long copierOf(Process command) {
        return command.descendants()
                .filter(process -> process.info().command().orElse("").endsWith("/cp")
                        && process.info().commandLine().orElse("").contains(" -dR "))
                .mapToLong(ProcessHandle::pid)
                .findFirst()
                .orElse(0);
    }

    @Test
    void theRootOfABundleOnAnXfs() throws Exception {
        Path tree = tree();
        Path bundle = Files.createDirectory(cli.path("bundle"));
        Files.writeString(
                bundle.resolve("config.json"), "{\"ociVersion\": \"1.0.2\", \"root\": {\"path\": \"" + tree + "\"}}");
        cli.ok(
                "image",
                "create",
                cli.path("copy").toString(),
                "--size",
                "512M",
                "--fs",
                "xfs",
                "--from",
                bundle.toString());
        Path copy = mounted("copy");
        Commands.run(Cli.LIMIT, "rmdir", tree.resolve("lost+found").toString());
        Commands.run(Cli.LIMIT, "rmdir", copy.resolve("lost+found").toString());
        Commands.run(Cli.LIMIT, "touch", "-d", "2001-01-01", tree.toString(), copy.toString());
        assertThat(fingerprint(copy)).isEqualTo(fingerprint(tree));
    }

    private String blob(Path layout, byte[] content) throws Exception {
        String hex =
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        Files.createDirectories(layout.resolve("blobs/sha256"));
        Files.write(layout.resolve("blobs/sha256").resolve(hex), content);
        return "{\"digest\": \"sha256:" + hex + "\", \"size\": " + content.length;
    }

    /** A layer as shell commands that make it; whiteouts are empty files. */
    private String layer(Path layout, String name, String commands) throws Exception {
        Path folder = Files.createDirectory(cli.path(name));
        Commands.run(Cli.LIMIT, "sh", "-c", "cd \"$0\" && " + commands, folder.toString());
        Path tar = cli.path(name + ".tar.gz");
        Commands.run(Cli.LIMIT, "tar", "-C", folder.toString(), "-czf", tar.toString(), ".");
        return blob(layout, Files.readAllBytes(tar))
                + ", \"mediaType\": \"application/vnd.oci.image.layer.v1.tar+gzip\"}";
    }

    private Path layout(String... layers) throws Exception {
        Path layout = Files.createDirectory(cli.path("layout"));
        Files.writeString(layout.resolve("oci-layout"), "{\"imageLayoutVersion\": \"1.0.0\"}");
        List<String> made = new ArrayList<>();
        for (int i = 0; i < layers.length; i++) {
            made.add(layer(layout, "layer" + i, layers[i]));
        }
        String manifest = blob(
                        layout,
                        ("{\"schemaVersion\": 2, \"layers\": [" + String.join(", ", made) + "]}")
                                .getBytes(StandardCharsets.UTF_8))
                + ", \"mediaType\": \"application/vnd.oci.image.manifest.v1+json\"";
        String other = blob(layout, "{\"layers\": []}".getBytes(StandardCharsets.UTF_8))
                + ", \"platform\": {\"os\": \"linux\", \"architecture\": \"s390x\"}}";
        Files.writeString(
                layout.resolve("index.json"),
                "{\"schemaVersion\": 2, \"manifests\": [" + other + ", " + manifest
                        + ", \"platform\": {\"os\": \"linux\", \"architecture\": \""
                        + System.getProperty("os.arch").replace("aarch64", "arm64") + "\"}}]}");
        return layout;
    }

    private static String names(Path tree) throws IOException {
        try (Stream<Path> files = Files.walk(tree)) {
            return files.map(file -> tree.relativize(file).toString())
                    .filter(name -> !name.isEmpty() && !name.equals("lost+found"))
                    .sorted()
                    .collect(Collectors.joining(" "));
        }
    }

    @Test
    void layersOfAnImageLieOnEachOther() throws Exception {
        Path layout = layout(
                "mkdir -p a/keep b gone && touch a/old a/keep/x b/1 b/2 gone/file && echo one > c",
                "mkdir a b && touch a/.wh.old .wh.gone b/.wh..wh..opq b/3 && echo two > c && ln -s a d",
                "mkdir gone && touch gone/new");
        cli.ok("image", "create", cli.path("copy").toString(), "--size", "64M", "--from", layout.toString());
        Path copy = mounted("copy");
        assertThat(names(copy)).isEqualTo(BALLOON + " a a/keep a/keep/x b b/3 c d gone gone/new");
        assertThat(copy.resolve("c")).hasContent("two\n");
    }

    @Test
    void aLayerCannotReachTheHost() throws Exception {
        Path victim = Files.createDirectory(cli.path("victim"));
        Files.writeString(victim.resolve("precious"), "of the host");
        Path layout = layout(
                "ln -s '" + victim + "' way && ln -s /usr usr",
                "mkdir way usr && echo bad > way/planted && touch way/.wh.precious usr/.wh.bin && echo bad > usr/planted");
        Cli.Result result =
                cli.run("image", "create", cli.path("copy").toString(), "--size", "64M", "--from", layout.toString());
        System.out.println(result);
        assertThat(names(victim)).isEqualTo("precious");
        assertThat(Path.of("/usr/bin")).isDirectory();
        assertThat(Path.of("/usr/planted")).doesNotExist();
    }

    @Test
    void whatCannotBeCopiedLeavesNothing() throws Exception {
        Path image = cli.path("copy");
        cli.refused(3, "not a folder", "image", "create", image.toString(), "--size", "64M", "--from", "/etc/hostname");
        Path layout = layout("echo x > x");
        Path blob;
        try (Stream<Path> blobs = Files.list(layout.resolve("blobs/sha256"))) {
            blob = blobs.max((one, other) ->
                            Long.compare(one.toFile().length(), other.toFile().length()))
                    .orElseThrow();
        }
        Files.writeString(blob, "x", java.nio.file.StandardOpenOption.APPEND);
        cli.refused(5, "checksum", "image", "create", image.toString(), "--size", "64M", "--from", layout.toString());
        Path big = Files.createDirectory(cli.path("big"));
        Cli.random(Files.createFile(big.resolve("file")), 0, 70);
        cli.refused(
                1,
                "make the image larger",
                "image",
                "create",
                image.toString(),
                "--size",
                "64M",
                "--from",
                big.toString());
        assertThat(image).doesNotExist();
        assertThat(cli.path("copy.tidemark-filling")).doesNotExist();
        assertThat(cli.ok("devices", "--json").jsonRows()).isEmpty();
    }
}
