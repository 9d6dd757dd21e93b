package org.tidemark.ploop.chain;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

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
    private static final int MAX_BYTES = 64 << 10;

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
        String file = image + SUFFIX;
        if (!folder.exists(file)) {
            return NOTHING;
        }
        try (ImageIo io = folder.open(file, OpenMode.READ_ONLY)) {
            int length = (int) Math.min(io.size(), MAX_BYTES);
            AlignedBuffer buffer = AlignedBuffer.allocate(Math.max(length, 1));
            io.read(0, buffer, 0, length);
            byte[] bytes = new byte[length];
            buffer.bytes().get(0, bytes);
            return parse(folder, file, new String(bytes, StandardCharsets.UTF_8));
        }
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
        String file = image + SUFFIX;
        if (lower.isEmpty() && unnamed.isEmpty()) {
            if (folder.exists(file)) {
                folder.delete(file);
                folder.sync();
            }
            return Optional.empty();
        }
        StringBuilder text = new StringBuilder(MAGIC).append('\n');
        if (merges()) {
            text.append(LOWER).append(lower).append('\n');
        }
        unnamed.forEach(name -> text.append(UNNAMED).append(name).append('\n'));
        byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
        AlignedBuffer buffer = AlignedBuffer.allocate(bytes.length);
        buffer.bytes().put(0, bytes);
        String temporary = file + ".new";
        if (folder.exists(temporary)) {
            folder.delete(temporary);
        }
        try (ImageIo io = folder.create(temporary)) {
            io.write(0, buffer, 0, bytes.length);
            io.flush();
        }
        folder.rename(temporary, file);
        folder.sync();
        return Optional.of(this);
    }
}
