package org.tidemark.ploop.os.nfs;

/**
 * What a server says of a file.
 *
 * @param fileSystemId which file system of the server
 * @param fileId the inode number in it
 * @param folder whether it is a folder
 * @param regular whether it is a regular file
 * @param sizeBytes its size
 * @param names its hard links
 * @param modifiedNanos time of the last change of the content, since 1970
 */
public record NfsAttributes(
        long fileSystemId,
        long fileId,
        boolean folder,
        boolean regular,
        long sizeBytes,
        long names,
        long modifiedNanos) {
    /** Whether both are of one and the same file. */
    public boolean sameFile(NfsAttributes other) {
        return fileSystemId == other.fileSystemId && fileId == other.fileId;
    }
}
