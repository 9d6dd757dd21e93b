package org.tidemark.backup.target;

import java.io.Closeable;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Consumer;

/**
 * A place for blobs that are written once. All methods may be called by many threads at once and block until they are
 * done. Keys follow {@link BlobKeys}. Every failure is a {@link TargetException} whose kind says what the caller may
 * do.
 *
 * <p>Read after write: when {@link #putIfAbsent} has returned, every later {@link #get}, {@link #stat} and {@link
 * #list}, by this process or another, sees the blob.
 */
public interface BackupTarget extends Closeable {
    /**
     * Creates the blob {@code key} from the remaining bytes of {@code content}, in order. The buffers' positions are
     * not moved. Atomic: the blob is never partly visible, also after a crash. Durable when it returns. A put that
     * threw may still have happened, wholly; the caller finds out by reading.
     *
     * @throws TargetException CONFLICT when the key exists, whatever its content
     */
    void putIfAbsent(String key, List<ByteBuffer> content) throws TargetException;

    /**
     * Reads {@code range} of a blob into {@code dst}, from its position on; the position moves by what was read.
     *
     * @return the size of the whole blob in bytes
     * @throws TargetException NOT_FOUND when there is no such blob; CORRUPT when an exact range reaches beyond its end
     */
    long get(String key, ByteRange range, ByteBuffer dst) throws TargetException;

    /** The size of a blob in bytes. NOT_FOUND when there is none. */
    long stat(String key) throws TargetException;

    /** Calls {@code visitor} for every blob whose key begins with {@code prefix}, in ascending order of keys. */
    void list(String prefix, BlobVisitor visitor) throws TargetException;

    /**
     * Calls {@code visitor} with the names of the folders right below {@code prefix}, in ascending order. {@code
     * prefix} is empty or ends in '/'.
     */
    void listFolders(String prefix, Consumer<String> visitor) throws TargetException;

    /** What this target promises beyond the contract. */
    TargetCapabilities capabilities();

    /**
     * Tells whether the target is there and can do what the contract asks; changes nothing but temporary things. Cheap
     * enough for a settings page.
     */
    void validate() throws TargetException;

    /** Where this is, in words for messages. Holds no secrets. */
    String describe();

    @Override
    void close();
}
