package org.tidemark.ploop.device.front;

/** What becomes of a write that finds no space on the disk that the image lies on. */
public enum FullDisk {
    /** It waits until there is space. */
    WAIT,
    /** It fails with ENOSPC. */
    ERROR
}
