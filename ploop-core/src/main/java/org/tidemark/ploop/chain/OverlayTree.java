package org.tidemark.ploop.chain;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import org.tidemark.ploop.format.qcow2.Qcow2Format;
import org.tidemark.ploop.format.qcow2.Qcow2Header;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * The snapshots of a qcow2 image, as the files of its folder tell them: {@code NAME} is written to, {@code NAME.{guid}} and
 * whatever else it stands on are frozen, each names its backing file. There is no descriptor; the tree is read anew each time.
 */
final class OverlayTree {
    private static final int MAX_LEVELS = 126;

    private final ImageDirectory folder;
    private final String image;
    /** Every qcow2 image of the folder, with the name of the file it stands on as it is written there, or "". */
    private final Map<String, String> standsOn = new LinkedHashMap<>();

    private final OverlayIntent intent;

    private OverlayTree(ImageDirectory folder, String image, OverlayIntent intent) {
        this.folder = folder;
        this.image = image;
        this.intent = intent;
    }

    static OverlayTree read(ImageDirectory folder, String image) throws IOException {
        OverlayTree tree = new OverlayTree(folder, image, OverlayIntent.read(folder, image));
        for (String file : folder.list().stream().sorted().toList()) {
            if (file.endsWith(OverlaySnapshots.NEW) || file.startsWith(SnapshotLevel.PREFIX)) {
                continue;
            }
            try (ImageIo io = folder.open(file, OpenMode.READ_ONLY)) {
                if (new Qcow2Format().probe(io)) {
                    String backing = Qcow2Header.read(io).backingFile();
                    tree.standsOn.put(file, backing.startsWith("file:") ? backing.substring(5) : backing);
                }
            } catch (ImageException e) {
                if (file.equals(image)) {
                    throw e;
                }
                // Some other image, which nobody can read: it is none of ours.
            } catch (java.nio.file.NoSuchFileException e) {
                // Gone meanwhile.
            }
        }
        return tree;
    }

    /** The files of the image; all it stands on lies in the folder. */
    static ChainFiles filesIn(ImageDirectory folder, String image) throws IOException {
        return read(folder, image).filesOf(image);
    }

    /** The files of one level, in the folder. */
    ChainFiles filesOf(String level) throws ImageException {
        List<ChainFiles.Link> links = new ArrayList<>();
        for (String file = level; !file.isEmpty(); file = below(file)) {
            requireHere(file);
            links.add(0, new ChainFiles.Link(folder, file, Qcow2Format.ID));
        }
        return new ChainFiles(folder.name() + "/" + level, folder, List.copyOf(links), Optional.empty(), 0);
    }

    /** One change of an image at a time, in whatever process. The lock's file stays. */
    static Closeable lock(ImageDirectory folder, String image) throws IOException {
        String name = image + ".tidemark-lock";
        if (!folder.exists(name)) {
            try {
                folder.create(name).close();
            } catch (java.nio.file.FileAlreadyExistsException e) {
                // Somebody else was quicker; the lock decides.
            }
        }
        return folder.lock(name, true);
    }

    OverlayIntent intent() {
        return intent;
    }

    /** The level whose merge was begun and not committed: its file may hold anything that the one above it hides. Or "". */
    String halfMerged() {
        return intent.merges()
                        && standsOn.containsKey(intent.lower())
                        && !above(intent.lower()).isEmpty()
                ? intent.lower()
                : "";
    }

    /** What a snapshot is called: the GUID in its file's name, or the name of a file that somebody else made. */
    String idOf(String file) {
        if (file.equals(image)) {
            return Guid.TOP;
        }
        String rest = file.startsWith(image + ".") ? file.substring(image.length() + 1) : "";
        return Guid.isGuid(rest) ? rest : file;
    }

    /** The file that a level stands on, or "". */
    String below(String file) {
        return standsOn.getOrDefault(file, "");
    }

    /** The images of the folder that stand on a file. */
    List<String> above(String file) {
        return standsOn.entrySet().stream()
                .filter(entry ->
                        entry.getValue().equals(file) && !entry.getKey().equals(file))
                .map(Map.Entry::getKey)
                .toList();
    }

    /** From the base to the image itself. Files of other folders are last seen by their name. */
    List<String> chain() throws ImageException {
        List<String> chain = new ArrayList<>();
        for (String file = image; !file.isEmpty(); file = below(file)) {
            if (chain.contains(file) || chain.size() > MAX_LEVELS) {
                throw new ImageException(
                        ImageException.Kind.DAMAGED, folder.name() + "/" + image + ": stands on itself");
            }
            chain.add(0, file);
        }
        return chain;
    }

    /** The levels: what the image stands on, itself, and snapshots that it does not stand on any more. */
    List<SnapshotOperations.Snapshot> levels() throws ImageException {
        List<String> files = new ArrayList<>(chain());
        for (String file : standsOn.keySet()) {
            if (Guid.isGuid(idOf(file)) && !files.contains(file)) {
                files.add(files.size() - 1, file);
            }
        }
        List<SnapshotOperations.Snapshot> levels = new ArrayList<>();
        for (String file : files) {
            String below = below(file);
            levels.add(new SnapshotOperations.Snapshot(
                    idOf(file),
                    below.isEmpty() ? Guid.NONE : idOf(below),
                    file,
                    file.equals(image),
                    file.equals(halfMerged())));
        }
        return levels;
    }

    /** The file of a snapshot, by its id or file name. */
    Optional<String> find(String idOrFile) throws ImageException {
        String wanted = Guid.normalise(idOrFile);
        for (SnapshotOperations.Snapshot level : levels()) {
            if (level.guid().equals(wanted)
                    || level.guid().equals("{" + wanted + "}")
                    || level.file().equals(idOrFile)) {
                return Optional.of(level.file());
            }
        }
        return Optional.empty();
    }

    /** The file of a snapshot that is whole: not one whose content is on its way into the level above it. */
    String requireWhole(String idOrFile) throws ImageException {
        String file = find(idOrFile).orElseThrow(() -> refused("there is no snapshot " + idOrFile));
        if (file.equals(halfMerged())) {
            throw refused(idOf(file) + " is being merged into the one above it and does not exist by itself any more");
        }
        return file;
    }

    /** The same of a file that lies in the folder and is qcow2, or throws INVALID_REQUEST. */
    String require(String idOrFile) throws ImageException {
        String file = find(idOrFile).orElseThrow(() -> refused("there is no snapshot " + idOrFile));
        requireHere(file);
        return file;
    }

    /** Only qcow2 files of the folder are ever changed. */
    void requireHere(String file) throws ImageException {
        if (!standsOn.containsKey(file)) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED,
                    folder.name() + ": '" + file + "' is no qcow2 file of this folder and is not changed; make one"
                            + " image of all levels with image convert");
        }
    }

    ImageException refused(String what) {
        return new ImageException(ImageException.Kind.INVALID_REQUEST, folder.name() + "/" + image + ": " + what);
    }

    /** A change gives the image's name to another file: it must be the file's own. */
    void requireNoLink() throws ImageException {
        if (Files.isSymbolicLink(Path.of(folder.name()).resolve(image))) {
            throw refused("is a symbolic link, which a snapshot would replace; name the file itself");
        }
    }

    void requireRoom() throws ImageException {
        requireNoLink();
        if (chain().size() >= MAX_LEVELS) {
            throw refused("has " + MAX_LEVELS + " levels, more are not possible; delete or merge some first"
                    + " ('tidemark snapshot delete')");
        }
    }

    String newFile(Supplier<UUID> newIds) throws IOException {
        String file = image + "." + Guid.of(newIds.get());
        if (folder.exists(file)) {
            throw refused("there is a snapshot " + idOf(file) + " already");
        }
        return file;
    }

    /** Deletes files of an intent that nothing stands on, then the intent but for a merge. Durable on return. */
    void settle() throws IOException {
        List<String> used = chain();
        boolean deleted = false;
        for (String file : intent.unnamed()) {
            if (!used.contains(file) && folder.exists(file)) {
                folder.delete(file);
                deleted = true;
            }
        }
        if (deleted) {
            folder.sync();
        }
        boolean pending = !halfMerged().isEmpty();
        (pending ? intent.withUnnamed(List.of()) : OverlayIntent.NOTHING).write(folder, image);
    }
}
