package org.tidemark.ploop.chain;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.device.PloopDevice;
import org.tidemark.ploop.device.StateArea;
import org.tidemark.ploop.format.AllocationCursor;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.format.DeltaFormat.OpenIntent;
import org.tidemark.ploop.format.Formats;
import org.tidemark.ploop.format.qcow2.Qcow2Delta;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.format.raw.RawFormat;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;
import org.tidemark.ploop.io.vfs.VfsImageDirectory;

/**
 * Chains of qcow2 images, each of which names its backing file.
 *
 * <p><b>Names</b> of backing files and data files are relative to the folder of the image that names them. Other protocols than files are refused.
 *
 * <p><b>Formats.</b> A backing file whose format is not told is recognised by its content; when that turns out to be qcow2
 * and names files itself, it is refused: whoever used the disk could have written that header into a raw image.
 *
 * <p><b>Sizes.</b> Backing files may have other cluster sizes and disk sizes. As long as one flat map can tell the truth they
 * become deltas of one chain; else everything below becomes one {@link LowerDevice}.
 */
final class BackingChain {
    private static final int MAX_LEVELS = 126;
    private static final int LOWER_MAP_SLOTS = 512;

    private BackingChain() {}

    /** The files of a qcow2 image and of everything it stands on, base first. */
    static ChainFiles follow(Path image, ChainFiles.FolderOpener opener) throws IOException {
        List<ChainFiles.Link> links = new ArrayList<>();
        Set<Path> seen = new HashSet<>();
        Path path = image.toAbsolutePath().normalize();
        String formatId = Qcow2Format.ID;
        boolean told = true;
        ImageDirectory topFolder = null;
        while (true) {
            if (!Files.exists(path)) {
                throw new NoSuchFileException(
                        path.toString(), null, links.isEmpty() ? null : "the backing file is not there");
            }
            if (!seen.add(path.toRealPath()) || links.size() == MAX_LEVELS) {
                throw new ImageException(
                        ImageException.Kind.DAMAGED,
                        path
                                + (links.size() == MAX_LEVELS
                                        ? ": more than " + MAX_LEVELS + " backing files on top of each other"
                                        : ": stands on itself, directly or by way of other backing files"));
            }
            ImageDirectory folder = opener.open(parent(path));
            topFolder = topFolder == null ? folder : topFolder;
            String fileName = String.valueOf(path.getFileName());
            Optional<Qcow2Header> header = Optional.empty();
            try (ImageIo io = folder.open(fileName, OpenMode.READ_ONLY)) {
                formatId = told ? formatId : Formats.recognise(io).id();
                if (formatId.equals(Qcow2Format.ID)) {
                    header = Optional.of(Qcow2Header.read(io));
                }
            }
            links.add(0, link(path, folder, formatId, opener));
            if (header.isEmpty() || header.get().backingFile().isEmpty()) {
                requireTold(path, told, header);
                return new ChainFiles(image.toString(), topFolder, List.copyOf(links), Optional.empty(), 0);
            }
            requireTold(path, told, header);
            Optional<String> format = header.get().backingFormat();
            told = format.isPresent();
            formatId = format.orElse(formatId);
            Formats.byId(formatId);
            path = resolve(path, header.get().backingFile());
        }
    }

    /** What is kept beside a lone file lies beside the file, not beside a symbolic link to it. */
    private static ChainFiles.Link link(
            Path path, ImageDirectory folder, String formatId, ChainFiles.FolderOpener opener) throws IOException {
        if (formatId.equals(Qcow2Format.ID) || !Files.isSymbolicLink(path)) {
            return new ChainFiles.Link(folder, String.valueOf(path.getFileName()), formatId);
        }
        Path file = path.toRealPath();
        return new ChainFiles.Link(opener.open(parent(file)), String.valueOf(file.getFileName()), formatId);
    }

    private static void requireTold(Path path, boolean told, Optional<Qcow2Header> header) throws ImageException {
        if (!told
                && header.isPresent()
                && (!header.get().backingFile().isEmpty() || header.get().externalData())) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    path + ": looks like a qcow2 image that names other files, but the image above it does not say that"
                            + " it is one; if it is, say so with qemu-img rebase -u -F qcow2 -b");
        }
    }

    private static Path parent(Path path) throws NoSuchFileException {
        Path parent = path.getParent();
        if (parent == null) {
            throw new NoSuchFileException(path.toString());
        }
        return parent;
    }

    private static Path resolve(Path above, String name) throws IOException {
        String file = name.startsWith("file:") ? name.substring("file:".length()) : name;
        int colon = file.indexOf(':');
        int slash = file.indexOf('/');
        if (colon > 0 && (slash < 0 || colon < slash)) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED, above + ": stands on '" + name + "'; only files are supported");
        }
        try {
            return parent(above).resolve(file).normalize();
        } catch (InvalidPathException e) {
            throw new ImageException(ImageException.Kind.DAMAGED, above + ": '" + name + "' is no path", e);
        }
    }

    /** Whether files are opened by {@link #open}. */
    static boolean concerns(ChainFiles files) {
        return files.links().stream().anyMatch(link -> link.formatId().equals(Qcow2Format.ID));
    }

    /**
     * Opens the top with {@code intent} and everything below it for reading; the deltas of one chain, base first. Closes what
     * it opened when it throws.
     *
     * @param topSnapshot the internal snapshot of the top to be read, if any
     */
    static List<Delta> open(ChainFiles files, OpenIntent intent, AllocationCursor cursor, Optional<String> topSnapshot)
            throws IOException {
        List<Delta> chain = new ArrayList<>();
        boolean done = false;
        try {
            if (intent == OpenIntent.WRITE || intent == OpenIntent.RECOVER) {
                lookThrough(files);
            }
            for (int level = 0; level < files.links().size(); level++) {
                boolean top = level == files.links().size() - 1;
                Delta delta = openLink(
                        files,
                        level,
                        top ? intent : OpenIntent.READ,
                        top ? cursor : AllocationCursor.transientCursor(),
                        top ? topSnapshot : Optional.empty());
                boolean stacked = false;
                try {
                    stack(chain, delta);
                    stacked = true;
                } finally {
                    if (!stacked) {
                        delta.close();
                    }
                }
            }
            done = true;
            return chain;
        } finally {
            if (!done) {
                for (Delta delta : chain) {
                    delta.close();
                }
            }
        }
    }

    private static void lookThrough(ChainFiles files) throws IOException {
        long left = -1;
        for (int level = files.links().size() - 1; level >= 0; level--) {
            ChainFiles.Link link = files.links().get(level);
            if (!link.formatId().equals(Qcow2Format.ID)) {
                continue;
            }
            try (ImageIo io = link.directory().open(link.fileName(), OpenMode.READ_ONLY)) {
                left = left < 0
                        ? Qcow2Format.lookThroughBytes(Qcow2Header.read(io))
                        : Qcow2Format.lookThrough(io, left);
            }
        }
    }

    /** The top of a qcow2 chain once more, for reading; what lies below subclusters is not told yet. */
    static Qcow2Delta openTopForReading(ChainFiles files) throws IOException {
        return (Qcow2Delta) openLink(
                files, files.links().size() - 1, OpenIntent.READ, AllocationCursor.transientCursor(), Optional.empty());
    }

    private static void stack(List<Delta> chain, Delta delta) throws IOException {
        boolean subclusters =
                delta instanceof Qcow2Delta qcow2 && qcow2.header().extendedL2();
        if (!chain.isEmpty() && (subclusters || !fits(chain, delta))) {
            Delta below = chain.get(chain.size() - 1);
            PloopDevice device = new PloopDevice(below.name(), chain, StateArea.inMemory(), null, LOWER_MAP_SLOTS);
            LowerDevice lower = new LowerDevice(device, delta.geometry().clusterSizeBytes());
            chain.clear();
            chain.add(lower);
            if (delta instanceof Qcow2Delta qcow2) {
                qcow2.setLower(lower);
            }
        }
        chain.add(delta);
    }

    /** Whether a flat map of the chain with one more delta tells the truth. */
    private static boolean fits(List<Delta> chain, Delta delta) {
        long end = chain.get(chain.size() - 1).geometry().diskSizeBytes();
        for (Delta lower : chain) {
            if (lower.geometry().clusterSizeBytes() != delta.geometry().clusterSizeBytes()) {
                return false;
            }
            if (lower.geometry().diskSizeBytes() > end && delta.geometry().diskSizeBytes() > end) {
                // Where a delta between ends there are zeros, whatever lies below it.
                return false;
            }
        }
        return true;
    }

    private static Delta openLink(
            ChainFiles files, int level, OpenIntent intent, AllocationCursor cursor, Optional<String> snapshot)
            throws IOException {
        ChainFiles.Link link = files.links().get(level);
        OpenMode mode = intent == OpenIntent.READ ? OpenMode.READ_ONLY : OpenMode.READ_WRITE;
        ImageIo io = ImageChain.observable(link.directory().open(link.fileName(), mode));
        ImageIo data = null;
        boolean opened = false;
        try {
            Delta delta;
            if (link.formatId().equals(Qcow2Format.ID)) {
                data = dataFile(link, Qcow2Header.read(io), mode);
                delta = snapshot.isPresent()
                        ? Qcow2Format.openSnapshot(io, data, snapshot.get())
                        : Qcow2Format.open(io, data, intent, cursor);
            } else {
                int clusterBytes = link.formatId().equals(RawFormat.ID) ? clusterAbove(files, level) : 0;
                delta = Formats.byId(link.formatId()).open(io, intent, clusterBytes, cursor);
            }
            opened = true;
            return delta;
        } finally {
            if (!opened) {
                io.close();
                if (data != null) {
                    data.close();
                }
            }
        }
    }

    private static @Nullable ImageIo dataFile(ChainFiles.Link link, Qcow2Header header, OpenMode mode)
            throws IOException {
        if (!header.externalData()) {
            return null;
        }
        String name = header.dataFile().orElse("");
        Path path = resolve(Path.of(link.directory().name()).toAbsolutePath().resolve(link.fileName()), name);
        String fileName = String.valueOf(path.getFileName());
        if (name.isEmpty() || name.endsWith("/")) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    link.fileName() + ": its data lies in another file, whose name it does not tell");
        }
        // A plain name is a file of the same folder, whatever the folder is.
        return name.indexOf('/') < 0
                ? link.directory().open(name, mode)
                : new VfsImageDirectory(parent(path)).open(fileName, mode);
    }

    private static int clusterAbove(ChainFiles files, int level) throws IOException {
        if (level + 1 == files.links().size()) {
            return ChainFiles.RAW_CLUSTER_BYTES;
        }
        ChainFiles.Link above = files.links().get(level + 1);
        try (ImageIo io = above.directory().open(above.fileName(), OpenMode.READ_ONLY)) {
            return Qcow2Header.read(io).clusterSizeBytes();
        }
    }
}
