package org.tidemark.ploop.chain;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageException;

/**
 * What a change of the snapshots of a qcow2 image is about to do, in a file beside the image, as {@link ChainIntent} is for
 * images with a descriptor. Text, UTF-8, one line each:
 *
 * <pre>
 *   tidemark-overlay-intent 1
 *   lower FILE       is being written to from the level that stands on it, whose name it takes at the end; at most once
 *   unnamed FILE     to be deleted if the image does not stand on it; any number
 * </pre>
 *
 * @param lower empty when no merge is under way
 * @param unnamed files that may be left over
 */
record OverlayIntent(String lower, List<String> unnamed) {
    private static final String SUFFIX = ".tidemark-intent";
    private static final String MAGIC = "tidemark-overlay-intent 1";
    private static final String LOWER = "lower ";
    private static final String UNNAMED = "unnamed ";

    static final OverlayIntent NOTHING = new OverlayIntent("", List.of());

    boolean merges() {
        return !lower.isEmpty();
    }

    OverlayIntent withUnnamed(List<String> files) {
        return new OverlayIntent(lower, List.copyOf(files));
    }

    static OverlayIntent merge(String lower) {
        return new OverlayIntent(lower, List.of());
    }

    /** Nothing when no change is under way. Throws DAMAGED when the file cannot be understood. */
    static OverlayIntent read(ImageDirectory folder, String image) throws IOException {
        IntentFile file = fileOf(folder, image);
        Optional<String> text = file.read();
        return text.isEmpty() ? NOTHING : parse(folder, file.name(), text.get());
    }

    private static IntentFile fileOf(ImageDirectory folder, String image) {
        return new IntentFile(folder, image + SUFFIX);
    }

    /** Whether a change was broken off before its intent was there. */
    static boolean isHalf(ImageDirectory folder, String image) throws IOException {
        return fileOf(folder, image).isHalf();
    }

    /** Removes what such a change left. The image's changes are locked. */
    static void removeHalf(ImageDirectory folder, String image) throws IOException {
        fileOf(folder, image).removeHalf();
    }

    private static OverlayIntent parse(ImageDirectory folder, String file, String text) throws ImageException {
        List<String> lines = text.lines().toList();
        String lower = "";
        List<String> unnamed = new ArrayList<>();
        boolean sound = !lines.isEmpty() && lines.get(0).equals(MAGIC);
        for (String line : sound ? lines.subList(1, lines.size()) : List.<String>of()) {
            if (line.startsWith(LOWER)) {
                lower = line.substring(LOWER.length());
            } else if (line.startsWith(UNNAMED)) {
                unnamed.add(line.substring(UNNAMED.length()));
            } else {
                sound = false;
            }
        }
        List<String> all = new ArrayList<>(unnamed);
        all.add(lower);
        if (!sound || all.stream().anyMatch(name -> name.indexOf('/') >= 0)) {
            throw new ImageException(
                    ImageException.Kind.DAMAGED,
                    folder.name() + "/" + file + ": cannot be understood; it says what was under way when the host went"
                            + " down. Keep a copy and remove it to go on");
        }
        return new OverlayIntent(lower, List.copyOf(unnamed));
    }

    /** Replaces the one of the image; durable on return. One that says nothing is removed. */
    Optional<OverlayIntent> write(ImageDirectory folder, String image) throws IOException {
        IntentFile file = fileOf(folder, image);
        if (lower.isEmpty() && unnamed.isEmpty()) {
            file.remove();
            return Optional.empty();
        }
        StringBuilder text = new StringBuilder(MAGIC).append('\n');
        if (merges()) {
            text.append(LOWER).append(lower).append('\n');
        }
        unnamed.forEach(name -> text.append(UNNAMED).append(name).append('\n'));
        file.write(text.toString());
        return Optional.of(this);
    }
}
