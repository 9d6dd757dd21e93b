package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;

/**
 * What an operation on the tree is about to do, written beside the descriptor before its first step and removed after its
 * last, so that whoever comes after a crash can finish or undo it. Text, UTF-8, one line each:
 *
 * <pre>
 *   tidemark-intent 1
 *   merge {guid of the level that goes} {guid of its child}     at most once
 *   grow BYTES        the top gets a disk of that size (also a smaller one), then the descriptor says so; at most once
 *   unnamed FILE      to be deleted once the descriptor does not name it; any number
 *   second FILE       the same, but only while its file has another name, too: it may not have been made yet
 * </pre>
 *
 * <p>A file is deleted only if it stands here: one that merely is not in the descriptor may be anybody's.
 *
 * @param merge the two levels that become one
 * @param files files that may be left over
 * @param seconds second names of files that may be left over
 * @param growBytes the size that the disk gets, or 0
 */
record ChainIntent(Optional<Merge> merge, List<String> files, List<String> seconds, long growBytes) {
    static final String FILE_NAME = "tidemark-intent";
    private static final String MAGIC = "tidemark-intent 1";
    private static final String MERGE = "merge ";
    private static final String UNNAMED = "unnamed ";
    private static final String SECOND = "second ";
    private static final String GROW = "grow ";

    /** The content of {@code child} goes down into the file of {@code removed}, which ceases to be a level. */
    record Merge(String removed, String child) {}

    ChainIntent(Optional<Merge> merge, List<String> files) {
        this(merge, files, List.of(), 0);
    }

    /** The disk gets that size; it may be smaller than before. */
    static ChainIntent resize(long bytes) {
        return new ChainIntent(Optional.empty(), List.of(), List.of(), bytes);
    }

    /** A file gets a second name, and loses its first one when the descriptor has the second. */
    static ChainIntent renamed(String file, String newName) {
        return new ChainIntent(Optional.empty(), List.of(file), List.of(newName), 0);
    }

    static ChainIntent newFile(String file) {
        return new ChainIntent(Optional.empty(), List.of(file));
    }

    /** Reads the intent of a folder; empty when nothing was under way. Throws DAMAGED when it cannot be understood. */
    static Optional<ChainIntent> read(ImageDirectory folder) throws IOException {
        Optional<String> text = fileIn(folder).read();
        if (text.isEmpty()) {
            return Optional.empty();
        }
        if (text.get().length() >= IntentFile.MAX_BYTES) {
            throw damaged(folder, IntentFile.MAX_BYTES + " bytes are too many");
        }
        return Optional.of(parse(folder, text.get()));
    }

    private static IntentFile fileIn(ImageDirectory folder) {
        return new IntentFile(folder, FILE_NAME);
    }

    /** Whether a change was under way, or began to write down that it would be. */
    static boolean isIn(ImageDirectory folder) throws IOException {
        return folder.exists(FILE_NAME) || fileIn(folder).isHalf();
    }

    /** Removes what a change left that was broken off before its intent was there. The tree is locked. */
    static void removeHalf(ImageDirectory folder) throws IOException {
        fileIn(folder).removeHalf();
    }

    private static ChainIntent parse(ImageDirectory folder, String text) throws ImageException {
        List<String> lines = text.lines().toList();
        if (lines.isEmpty() || !lines.get(0).equals(MAGIC)) {
            throw damaged(folder, "it does not begin with '" + MAGIC + "'");
        }
        Optional<Merge> merge = Optional.empty();
        List<String> files = new ArrayList<>();
        List<String> seconds = new ArrayList<>();
        long growBytes = 0;
        for (String line : lines.subList(1, lines.size())) {
            String[] words = line.split(" ");
            if (line.startsWith(MERGE) && words.length == 3 && Guid.isGuid(words[1]) && Guid.isGuid(words[2])) {
                merge = Optional.of(new Merge(words[1], words[2]));
            } else if (line.matches(GROW + "[1-9][0-9]{0,17}")) {
                growBytes = Long.parseLong(words[1]);
            } else if (line.startsWith(UNNAMED) && isPlainName(line.substring(UNNAMED.length()))) {
                files.add(line.substring(UNNAMED.length()));
            } else if (line.startsWith(SECOND) && isPlainName(line.substring(SECOND.length()))) {
                seconds.add(line.substring(SECOND.length()));
            } else {
                throw damaged(folder, "'" + line + "' is unknown");
            }
        }
        return new ChainIntent(merge, List.copyOf(files), List.copyOf(seconds), growBytes);
    }

    private static boolean isPlainName(String name) {
        return !name.isEmpty()
                && name.indexOf('/') < 0
                && name.indexOf('\0') < 0
                && !name.equals(".")
                && !name.equals("..");
    }

    private static ImageException damaged(ImageDirectory folder, String what) {
        return new ImageException(
                ImageException.Kind.DAMAGED,
                folder.name() + "/" + FILE_NAME + ": " + what
                        + "; it says what was under way when the host went down. Keep a copy and remove it to go on");
    }

    /** Writes the intent; durable on return. */
    void write(ImageDirectory folder) throws IOException {
        StringBuilder text = new StringBuilder(MAGIC).append('\n');
        merge.ifPresent(both -> text.append(MERGE)
                .append(both.removed())
                .append(' ')
                .append(both.child())
                .append('\n'));
        if (growBytes > 0) {
            text.append(GROW).append(growBytes).append('\n');
        }
        for (String file : files) {
            text.append(UNNAMED).append(plain(folder, file)).append('\n');
        }
        for (String file : seconds) {
            text.append(SECOND).append(plain(folder, file)).append('\n');
        }
        fileIn(folder).write(text.toString());
    }

    private static String plain(ImageDirectory folder, String file) throws ImageException {
        if (!isPlainName(file) || file.indexOf('\n') >= 0) {
            throw new ImageException(
                    ImageException.Kind.UNSUPPORTED, folder.name() + ": a file called '" + file + "' is not supported");
        }
        return file;
    }

    /** Deletes what the descriptor does not name, then the intent itself; durable on return. */
    void settle(ImageDirectory folder, DiskDescriptor descriptor) throws IOException {
        boolean deleted = false;
        for (String file : files) {
            if (!isNamed(descriptor, file) && folder.exists(file)) {
                folder.delete(file);
                deleted = true;
            }
        }
        for (String file : seconds) {
            if (!isNamed(descriptor, file) && folder.exists(file) && folder.names(file) > 1) {
                folder.delete(file);
                deleted = true;
            }
        }
        if (deleted) {
            folder.sync();
        }
        fileIn(folder).remove();
    }

    private static boolean isNamed(DiskDescriptor descriptor, String file) {
        return descriptor.images().stream()
                .anyMatch(image -> image.file().equals(file) || image.file().endsWith("/" + file));
    }
}
