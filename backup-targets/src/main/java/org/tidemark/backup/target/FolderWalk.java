package org.tidemark.backup.target;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;

/** Lists the blobs of a target whose keys are paths of files, in the order of keys. */
public final class FolderWalk {
    /** One name in a folder. */
    public record Entry(String name, boolean folder, long sizeBytes) {}

    /** Tells what a folder holds. */
    @FunctionalInterface
    public interface Lister {
        /**
         * What is in a folder, in any order; nothing for one that was never made.
         *
         * @param folder empty for the root, else ends in '/'
         * @param sizes whether the sizes are asked for
         */
        List<Entry> entries(String folder, boolean sizes) throws IOException;
    }

    private final Lister lister;

    public FolderWalk(Lister lister) {
        this.lister = lister;
    }

    /** Names that begin with '.' are the target's own; a fresh file system brings lost+found along. */
    public static boolean isForeign(String name) {
        return name.startsWith(".") || name.equals("lost+found");
    }

    /** Tells every blob whose key begins with {@code prefix}, in ascending order of keys. */
    public void list(String prefix, BlobVisitor visitor) throws IOException {
        int slash = BlobKeys.checkedPrefix(prefix).lastIndexOf('/');
        walk(prefix.substring(0, slash + 1), prefix, visitor);
    }

    /** In the order of whole keys: 'a-b' comes before 'a/b', as '-' is less than '/'. */
    private void walk(String folder, String prefix, BlobVisitor visitor) throws IOException {
        List<Entry> entries = new ArrayList<>(lister.entries(folder, true));
        entries.removeIf(entry -> isForeign(entry.name()));
        entries.sort(Comparator.comparing(entry -> entry.folder() ? entry.name() + "/" : entry.name()));
        for (Entry entry : entries) {
            String key = folder + entry.name();
            if (entry.folder()) {
                String inside = key + "/";
                if (inside.startsWith(prefix) || prefix.startsWith(inside)) {
                    walk(inside, prefix, visitor);
                }
            } else if (key.startsWith(prefix)) {
                visitor.blob(key, entry.sizeBytes());
            }
        }
    }

    /** Tells the names of the folders right below {@code prefix}, in ascending order. */
    public void listFolders(String prefix, Consumer<String> visitor) throws IOException {
        if (!BlobKeys.checkedPrefix(prefix).isEmpty() && !prefix.endsWith("/")) {
            throw new IllegalArgumentException("not a folder: " + prefix);
        }
        lister.entries(prefix, false).stream()
                .filter(entry -> entry.folder() && !isForeign(entry.name()))
                .map(Entry::name)
                .sorted()
                .forEach(visitor);
    }
}
