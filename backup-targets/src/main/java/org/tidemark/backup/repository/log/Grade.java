package org.tidemark.backup.repository.log;

/** How consistent the images of a point are. */
public enum Grade {
    /** The applications took part. */
    APPLICATION,
    /** The file systems were frozen at the instant. */
    FILESYSTEM,
    /** As after a loss of power. */
    CRASH
}
