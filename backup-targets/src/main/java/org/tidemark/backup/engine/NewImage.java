package org.tidemark.backup.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.stream.Stream;
import org.tidemark.ploop.chain.AttachedImage;
import org.tidemark.ploop.chain.ChainFiles;
import org.tidemark.ploop.chain.ChainLocks;
import org.tidemark.ploop.chain.OwnerRecord;
import org.tidemark.ploop.device.BlockDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.format.DeltaFormat;
import org.tidemark.ploop.format.DeltaGeometry;
import org.tidemark.ploop.format.Formats;
import org.tidemark.ploop.format.expanded.ExpandedFormat;
import org.tidemark.ploop.format.expanded.ExpandedLayout;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;
import org.tidemark.ploop.os.NativeFile;

/**
 * A restore's destination: an image that did not exist before. It is written under {@code <name>.tidemark-partial} and gets
 * its name when everything in it is durable, so that a half-restored image is never taken for a whole one.
 */
public final class NewImage implements RestoreSink {
    private static final int BUFFERS = 4;
    private static final int BUFFER_BYTES = 1 << 20;
    private static final int NAME_BYTES = 255;
    private static final String PARTIAL = ".tidemark-partial";
    /** What the first delta of a fresh image is called. */
    public static final String DELTA = "root.hds";

    private final Path destination;
    private final Path partial;
    private final AttachedImage image;
    private final ArrayBlockingQueue<AlignedBuffer> buffers = new ArrayBlockingQueue<>(BUFFERS);

    private NewImage(Path destination, Path partial, AttachedImage image) {
        this.destination = destination;
        this.partial = partial;
        this.image = image;
        for (int i = 0; i < BUFFERS; i++) {
            buffers.add(AlignedBuffer.allocate(BUFFER_BYTES));
        }
    }

    /** How the image lies in files. */
    public enum Layout {
        /** A folder with a descriptor and one delta. */
        FOLDER,
        /** A single file. */
        FILE
    }

    /**
     * Begins an image.
     *
     * @param formatId {@code expanded}, {@code qcow2} or {@code raw}; the last two are single files
     * @throws FileAlreadyExistsException when there is something of that name
     */
    public static NewImage create(Path destination, Layout layout, String formatId, long sizeBytes, int clusterBytes)
            throws IOException {
        return create(destination, layout, formatId, sizeBytes, clusterBytes, ExpandedLayout.USUAL);
    }

    /** The same; {@code expandedLayout} says how an expanded image is laid out and is of no account for others. */
    public static NewImage create(
            Path destination,
            Layout layout,
            String formatId,
            long sizeBytes,
            int clusterBytes,
            ExpandedLayout expandedLayout)
            throws IOException {
        Path absolute = destination.toAbsolutePath().normalize();
        Path parent = absolute.getParent();
        if (Files.exists(absolute, LinkOption.NOFOLLOW_LINKS)) {
            throw new FileAlreadyExistsException(
                    absolute + " exists already; nothing is restored over it, choose another name");
        }
        if (parent == null || !Files.isDirectory(parent)) {
            throw new NoSuchFileException(parent + ": there is no such folder; create it first");
        }
        Path partial = absolute.resolveSibling(absolute.getFileName() + PARTIAL);
        int excess = String.valueOf(partial.getFileName()).getBytes(StandardCharsets.UTF_8).length - NAME_BYTES;
        if (excess > 0) {
            throw new ImageException(
                    ImageException.Kind.INVALID_REQUEST,
                    "the name of a new image is too long by " + excess + " bytes: " + absolute.getFileName());
        }
        discard(partial);
        boolean done = false;
        try {
            layOut(partial, layout, formatId, sizeBytes, clusterBytes, expandedLayout);
            ChainFiles files = AttachedImage.filesOf(partial);
            AttachedImage image = AttachedImage.open(
                    files,
                    AttachedImage.Use.READ_WRITE,
                    StateArea.inMemory(),
                    ChainLocks.take(files, true),
                    false,
                    OwnerRecord.ofCommand(),
                    UUID::randomUUID);
            done = true;
            return new NewImage(absolute, partial, image);
        } finally {
            if (!done) {
                discard(partial);
            }
        }
    }

    /** A cluster size that another format had and this one cannot have becomes the nearest that it can. */
    private static void layOut(
            Path partial,
            Layout layout,
            String formatId,
            long sizeBytes,
            int clusterBytes,
            ExpandedLayout expandedLayout)
            throws IOException {
        if (layout == Layout.FOLDER) {
            Files.createDirectory(partial);
            int nearest = Formats.byId(formatId).nearestClusterSize(clusterBytes);
            ChainFiles.create(new VfsImageDirectory(partial), DELTA, sizeBytes, nearest, expandedLayout);
            return;
        }
        Path folder = java.util.Objects.requireNonNull(partial.getParent());
        String name = java.util.Objects.requireNonNull(partial.getFileName()).toString();
        VfsImageDirectory directory = new VfsImageDirectory(folder);
        try (ImageIo io = directory.create(name)) {
            DeltaFormat format = Formats.byId(formatId);
            DeltaGeometry geometry = new DeltaGeometry(sizeBytes, format.nearestClusterSize(clusterBytes));
            if (formatId.equals(ExpandedFormat.ID)) {
                new ExpandedFormat().create(io, geometry, expandedLayout);
            } else {
                format.create(io, geometry);
            }
        }
        directory.sync();
    }

    /**
     * What tells this image from any other while it exists: it has it under its partial name already and keeps it when it
     * gets its own, so that whoever was interrupted between can recognise its work with {@link #keyOf}.
     */
    public String key() throws IOException {
        return keyOf(partial);
    }

    /** The key of a file or folder: its file system and inode number. */
    public static String keyOf(Path path) throws IOException {
        Map<String, Object> known = Files.readAttributes(path, "unix:dev,ino", LinkOption.NOFOLLOW_LINKS);
        return known.get("dev") + ":" + known.get("ino");
    }

    /** The disk, to be written to until {@link #finish}. */
    public BlockDevice device() {
        return image;
    }

    @Override
    public void write(long offsetBytes, ByteBuffer data) throws IOException {
        AlignedBuffer buffer = take();
        try {
            long at = offsetBytes;
            while (data.hasRemaining()) {
                int length = Math.min(buffer.capacity(), data.remaining());
                buffer.bytes().put(0, data, data.position(), length);
                data.position(data.position() + length);
                int padded = length + (512 - length % 512) % 512;
                image.write(at, buffer, 0, padded);
                at += length;
            }
        } finally {
            buffers.add(buffer);
        }
    }

    private AlignedBuffer take() throws IOException {
        try {
            return buffers.take();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    @Override
    public void finish() throws IOException {
        image.close();
        rename(partial, destination);
    }

    /** Gives a finished image its own name; durable on return. The image is gone when somebody else has taken the name. */
    public static void rename(Path partial, Path destination) throws IOException {
        if (Files.exists(destination, LinkOption.NOFOLLOW_LINKS)) {
            discard(partial);
            throw new FileAlreadyExistsException(destination + " appeared while the image was being made");
        }
        Files.move(partial, destination);
        Path parent = java.util.Objects.requireNonNull(destination.getParent());
        try (NativeFile folder = NativeFile.open(parent, NativeFile.READ_ONLY | NativeFile.DIRECTORY, 0)) {
            folder.fsync();
        }
    }

    @Override
    public void abandon() {
        try {
            image.close();
        } catch (IOException e) {
            System.getLogger(NewImage.class.getName())
                    .log(System.Logger.Level.DEBUG, "closing a half-restored image", e);
        }
        try {
            discard(partial);
        } catch (IOException e) {
            System.getLogger(NewImage.class.getName())
                    .log(System.Logger.Level.WARNING, partial + " could not be removed; remove it by hand", e);
        }
    }

    /** Deletes what is left of an image that nobody needs; nothing happens when nothing is there. */
    public static void discard(Path path) throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        List<Path> inside;
        try (Stream<Path> walk = Files.walk(path)) {
            inside = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path one : inside) {
            Files.delete(one);
        }
    }
}
