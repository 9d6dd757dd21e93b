package org.tidemark.ploop.io.nfs;

import org.tidemark.ploop.os.nfs.NfsAttributes;

/** Tells a file of a server from every other one, whatever its names, while it exists. */
record FileId(long fileSystemId, long fileId) {
    static FileId of(NfsAttributes attributes) {
        return new FileId(attributes.fileSystemId(), attributes.fileId());
    }

    /**
     * Tells it from every other file of its folder, by whichever export the folder is reached: two exports of one folder may
     * have two numbers for its file system.
     */
    String inFolder() {
        return Long.toHexString(fileId);
    }

    @Override
    public String toString() {
        return Long.toHexString(fileSystemId) + "-" + Long.toHexString(fileId);
    }
}
