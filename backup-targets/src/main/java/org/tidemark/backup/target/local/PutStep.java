package org.tidemark.backup.target.local;

import java.nio.file.Path;

/** The steps of a put, told to whoever watches (the crash test does). */
enum PutStep {
    WRITTEN,
    SYNCED,
    LINKED,
    FOLDER_SYNCED,
    UNLINKED;

    /** Called after each step. */
    @FunctionalInterface
    interface Watcher {
        void reached(PutStep step, Path file);
    }
}
