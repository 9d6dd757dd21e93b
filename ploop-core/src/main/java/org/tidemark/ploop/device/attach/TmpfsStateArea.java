package org.tidemark.ploop.device.attach;

import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.os.NativeFile;

/**
 * A state area in a folder on tmpfs: one mapped file for each region. What this process stored is there for its successor,
 * whatever ended this process; nothing survives the machine.
 *
 * <p>A region that was left half made (its file has another size) is never handed out: that is an error, not a guess.
 * Safe for several threads; the memory itself is not synchronised.
 */
public final class TmpfsStateArea implements StateArea {
    private static final String SUFFIX = ".map";
    private static final String NEW_SUFFIX = ".new";

    private final Path folder;
    private final boolean resumed;
    private final Map<String, AlignedBuffer> regions = new HashMap<>();

    private TmpfsStateArea(Path folder, boolean resumed) {
        this.folder = folder;
        this.resumed = resumed;
    }

    /** A new area; the folder must not exist. */
    public static TmpfsStateArea create(Path folder) throws IOException {
        Files.createDirectory(folder);
        return new TmpfsStateArea(folder, false);
    }

    /** What a predecessor left in {@code folder}. */
    public static TmpfsStateArea resume(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new IOException(folder + ": the state of a device is missing");
        }
        return new TmpfsStateArea(folder, true);
    }

    @Override
    public boolean resumed() {
        return resumed;
    }

    @Override
    public synchronized AlignedBuffer region(String name, int sizeBytes) throws IOException {
        AlignedBuffer known = regions.get(name);
        if (known == null) {
            known = map(name, sizeBytes);
            regions.put(name, known);
        }
        if (known.capacity() != sizeBytes) {
            throw new IOException(file(name) + ": has " + known.capacity() + " bytes, wanted are " + sizeBytes);
        }
        return known;
    }

    private AlignedBuffer map(String name, int sizeBytes) throws IOException {
        Path file = file(name);
        if (!Files.exists(file)) {
            // A file appears under its name with its full size or not at all.
            Path made = folder.resolve(name + NEW_SUFFIX);
            try (NativeFile fresh = NativeFile.open(made, NativeFile.READ_WRITE | NativeFile.CREATE, 0600)) {
                fresh.truncate(sizeBytes);
            }
            Files.move(made, file);
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            if (channel.size() != sizeBytes) {
                throw new IOException(file + ": has " + channel.size() + " bytes, wanted are " + sizeBytes);
            }
            MappedByteBuffer memory = channel.map(FileChannel.MapMode.READ_WRITE, 0, sizeBytes);
            return AlignedBuffer.over(memory);
        }
    }

    @Override
    public synchronized boolean exists(String name) {
        return regions.containsKey(name) || Files.exists(file(name));
    }

    @Override
    public synchronized List<String> names() throws IOException {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*" + SUFFIX)) {
            for (Path file : files) {
                String name = String.valueOf(file.getFileName());
                names.add(name.substring(0, name.length() - SUFFIX.length()));
            }
        }
        return names;
    }

    @Override
    public long roomBytes() throws IOException {
        return Files.getFileStore(folder).getUsableSpace();
    }

    @Override
    public synchronized void drop(String name) throws IOException {
        regions.remove(name);
        remove(file(name));
    }

    @Override
    public synchronized void dropStartingWith(String prefix) throws IOException {
        regions.keySet().removeIf(name -> name.startsWith(prefix));
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                String name = String.valueOf(file.getFileName());
                if (name.startsWith(prefix) && (name.endsWith(SUFFIX) || name.endsWith(NEW_SUFFIX))) {
                    remove(file);
                }
            }
        }
    }

    @Override
    public synchronized void close() {
        regions.clear();
    }

    /** Removes the area for good. Its regions must not be used any more. */
    public synchronized void remove() throws IOException {
        regions.clear();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                remove(file);
            }
        }
        Files.deleteIfExists(folder);
    }

    /** The memory of a removed file would live on until the mapping is collected, which may be never: free it now. */
    private static void remove(Path file) throws IOException {
        if (!Files.exists(file)) {
            return;
        }
        try (NativeFile open = NativeFile.open(file, NativeFile.READ_WRITE, 0)) {
            long size = open.size();
            if (size > 0) {
                open.punchHole(0, size);
            }
        }
        Files.delete(file);
    }

    private Path file(String name) {
        if (name.isEmpty() || name.indexOf('/') >= 0 || name.startsWith(".")) {
            throw new IllegalArgumentException("name of a region: " + name);
        }
        return folder.resolve(name + SUFFIX);
    }
}
