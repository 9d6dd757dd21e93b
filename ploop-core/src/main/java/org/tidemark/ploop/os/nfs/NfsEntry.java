package org.tidemark.ploop.os.nfs;

/**
 * A name in a folder.
 *
 * @param folder whether it is that of a folder; links are not followed
 * @param sizeBytes the file's size
 */
public record NfsEntry(String name, boolean folder, long sizeBytes) {}
