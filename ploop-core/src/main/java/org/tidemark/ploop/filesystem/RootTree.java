package org.tidemark.ploop.filesystem;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.LongConsumer;

/**
 * The files that a new container begins with: a folder, the root file system of an OCI bundle, or the layers of an OCI image.
 * Owners, modes, times, hard links, extended attributes (ACLs and file capabilities among them) and holes are kept.
 *
 * @param folder the tree itself, or the folder of the OCI image
 * @param layers files below {@code folder}, bottom first; empty when the folder is the tree
 */
public record RootTree(Path folder, List<String> layers) {
    private static final Duration LIMIT = Duration.ofHours(24);
    private static final String SCRIPT = "fill.sh";

    public RootTree {
        layers = List.copyOf(layers);
    }

    /**
     * Finds out what a folder is: an OCI image layout (it has a file {@code oci-layout}), an OCI bundle (it has {@code
     * config.json}), or a tree. Layers are compared with their checksums.
     */
    public static RootTree at(Path source) throws IOException {
        if (!Files.isDirectory(source)) {
            throw new NoSuchFileException(
                    source + ": is not a folder; give a directory tree, an OCI bundle or an OCI image" + " layout");
        }
        Path folder = source.toRealPath();
        if (Files.exists(folder.resolve(OciImage.MARKER))) {
            return new RootTree(folder, OciImage.read(folder).layers());
        }
        if (Files.isRegularFile(folder.resolve(OciImage.BUNDLE_CONFIG))) {
            return new RootTree(OciImage.rootOfBundle(folder), List.of());
        }
        return new RootTree(folder, List.of());
    }

    /**
     * Copies everything into an empty, unmounted file system. Everything is in it, and written back, on return.
     *
     * @param scratch an existing empty folder that the copying may mount something on
     * @param written is told the bytes written to the device so far, several times a second
     */
    public void copyTo(Path blockDevice, FileSystemType type, Path scratch, LongConsumer written) throws IOException {
        List<String> arguments = new ArrayList<>(List.of(
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                script(),
                SCRIPT,
                blockDevice.toString(),
                type.mountName(),
                scratch.toString(),
                folder.toString()));
        arguments.addAll(layers);
        long before = bytesWritten(blockDevice);
        ExternalCommand.Result result = ExternalCommand.run(
                LIMIT, "unshare", arguments, () -> written.accept(bytesWritten(blockDevice) - before));
        if (result.exitCode() != 0) {
            throw new IOException("copying " + folder + " into the image failed: "
                    + result.output().strip()
                    + (result.output().contains("No space left") ? "; make the image larger" : ""));
        }
    }

    /** Field 7 of the statistics of a block device: sectors of 512 bytes written. */
    private static long bytesWritten(Path blockDevice) throws IOException {
        Path name = Objects.requireNonNull(blockDevice.getFileName());
        String[] words = Files.readString(Path.of("/sys/class/block", name.toString(), "stat"))
                .strip()
                .split(" +");
        return Long.parseLong(words[6]) * 512;
    }

    private static String script() throws IOException {
        try (InputStream in = Objects.requireNonNull(RootTree.class.getResourceAsStream(SCRIPT))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
