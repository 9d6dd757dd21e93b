package org.tidemark.ploop.filesystem;

/** How consistent the content of a recovery point is. */
public enum ConsistencyGrade {
    /** The file system was frozen at the instant: everything written before is in, nothing needs replay. */
    FILESYSTEM,
    /** As after pulling the plug: what was flushed is in, the journal is replayed at the next mount. */
    CRASH
}
