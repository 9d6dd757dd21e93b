package org.tidemark.backup.target;

/** Receives a listing, one blob at a time, so that no listing has to fit into memory. */
@FunctionalInterface
public interface BlobVisitor {
    void blob(String key, long sizeBytes) throws TargetException;
}
