package org.tidemark.ploop.handover;

import java.io.IOException;
import org.tidemark.ploop.io.ImageDirectory;

/**
 * A file beside an image that is about to leave: from the moment it is closed for its last copy until that is decided or given up, nobody
 * else may open it for writing, although its record still says that it is here. Decides nothing: after a crash the record counts,
 * and whoever made the mark takes it away.
 */
public final class DepartureMark {
    /** The file beside an image with a descriptor. */
    public static final String FILE_NAME = "tidemark-departing";

    private final ImageDirectory folder;
    private final String name;

    public DepartureMark(ImageDirectory folder, String name) {
        this.folder = folder;
        this.name = name;
    }

    public boolean isSet() throws IOException {
        return folder.exists(name);
    }

    /** Durable on return. */
    public void set() throws IOException {
        if (!isSet()) {
            folder.create(name).close();
            folder.sync();
        }
    }

    /** Durable on return. */
    public void clear() throws IOException {
        if (isSet()) {
            folder.delete(name);
            folder.sync();
        }
    }
}
