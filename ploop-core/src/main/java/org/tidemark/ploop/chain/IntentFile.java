package org.tidemark.ploop.chain;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageIo;

/**
 * The small text file in which a change writes down what it is about to do. It is there whole, or not at all.
 *
 * @param folder where the image lies
 * @param name of the file
 */
record IntentFile(ImageDirectory folder, String name) {
    /** No intent is longer; what lies behind is not read. */
    static final int MAX_BYTES = 64 << 10;

    private String temporary() {
        return name + ".new";
    }

    /** The first {@link #MAX_BYTES}; empty when there is no such file. */
    Optional<String> read() throws IOException {
        if (!folder.exists(name)) {
            return Optional.empty();
        }
        try (ImageIo io = folder.open(name, OpenMode.READ_ONLY)) {
            int length = (int) Math.min(io.size(), MAX_BYTES);
            AlignedBuffer buffer = AlignedBuffer.allocate(Math.max(length, 1));
            io.read(0, buffer, 0, length);
            byte[] bytes = new byte[length];
            buffer.bytes().get(0, bytes);
            return Optional.of(new String(bytes, StandardCharsets.UTF_8));
        }
    }

    /** Replaces it; durable on return. */
    void write(String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        AlignedBuffer buffer = AlignedBuffer.allocate(bytes.length);
        buffer.bytes().put(0, bytes);
        removeHalf();
        try (ImageIo io = folder.create(temporary())) {
            io.write(0, buffer, 0, bytes.length);
            io.flush();
        }
        folder.rename(temporary(), name);
        folder.sync();
    }

    /** Durable on return. */
    void remove() throws IOException {
        if (folder.exists(name)) {
            folder.delete(name);
            folder.sync();
        }
    }

    /** Whether a change was broken off while it wrote down what it would do: it has done nothing. */
    boolean isHalf() throws IOException {
        return folder.exists(temporary());
    }

    /** Nobody else is changing the image. */
    void removeHalf() throws IOException {
        if (isHalf()) {
            folder.delete(temporary());
        }
    }
}
