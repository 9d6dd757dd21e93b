package org.tidemark.ploop.handover;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.tidemark.ploop.io.AlignedBuffer;
import org.tidemark.ploop.io.ImageDirectory;
import org.tidemark.ploop.io.ImageDirectory.OpenMode;
import org.tidemark.ploop.io.ImageException;
import org.tidemark.ploop.io.ImageIo;

/**
 * The record in a small file beside the image.
 *
 * <pre>
 *   a new file: written, flushed | renamed over the old one | folder synced
 * </pre>
 *
 * A crash leaves the old record or the new one. A file that is there and says nothing that makes sense is an error, and never
 * "nothing": the image may be somebody else's.
 */
public final class HandOverFile implements HandOverStore {
    /** The file beside an image with a descriptor. */
    public static final String FILE_NAME = "tidemark-hand-over";

    private static final int MAX_BYTES = 1024;

    private final ImageDirectory folder;
    private final String name;

    public HandOverFile(ImageDirectory folder, String name) {
        this.folder = folder;
        this.name = name;
    }

    @Override
    public HandOverRecord read() throws IOException {
        if (!folder.exists(name)) {
            return HandOverRecord.NONE;
        }
        try (ImageIo io = folder.open(name, OpenMode.READ_ONLY)) {
            int length = (int) Math.min(io.size(), MAX_BYTES);
            AlignedBuffer buffer = AlignedBuffer.allocate(MAX_BYTES);
            io.read(0, buffer, 0, length);
            byte[] bytes = new byte[length];
            buffer.bytes().get(0, bytes);
            return HandOverRecord.ofLine(new String(bytes, StandardCharsets.UTF_8))
                    .orElseThrow(() -> new ImageException(
                            ImageException.Kind.DAMAGED,
                            io.name()
                                    + ": does not say which host the image belongs to; find out, and remove the file on"
                                    + " that host only"));
        }
    }

    @Override
    public void write(HandOverRecord next) throws IOException {
        byte[] text = next.toLine().getBytes(StandardCharsets.UTF_8);
        AlignedBuffer buffer = AlignedBuffer.allocate(MAX_BYTES);
        buffer.bytes().put(0, text);
        String fresh = name + ".new";
        if (folder.exists(fresh)) {
            folder.delete(fresh);
        }
        try (ImageIo io = folder.create(fresh)) {
            io.write(0, buffer, 0, text.length);
            io.flush();
        }
        folder.rename(fresh, name);
        folder.sync();
    }
}
