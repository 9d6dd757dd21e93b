package org.tidemark.ploop.io;

import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * The names in one folder that holds images.
 *
 * <p>A name is one path element. A change of names (create, rename, delete) is visible at once, and durable only after
 * {@link #sync}. Renames are atomic: after a crash the name means the old file or the new one.
 *
 * <p>All methods may be called by several threads at once.
 */
public interface ImageDirectory {
    /** What messages call the folder. */
    String name();

    /** Opens an existing file. Throws {@link java.nio.file.NoSuchFileException} when it is not there. */
    ImageIo open(String name, OpenMode mode) throws IOException;

    /** Creates an empty file and opens it for writing. Throws {@link java.nio.file.FileAlreadyExistsException}. */
    ImageIo create(String name) throws IOException;

    boolean exists(String name) throws IOException;

    /** Gives {@code from} the name {@code to}, replacing a file of that name. */
    void rename(String from, String to) throws IOException;

    /** Removes the name. Throws {@link java.nio.file.NoSuchFileException} when it is not there. */
    void delete(String name) throws IOException;

    /**
     * What a file looks like from outside, its size and time of change, as short text: the same text twice means that
     * nobody wrote to it in between. Throws {@link java.nio.file.NoSuchFileException}.
     */
    String fingerprint(String name) throws IOException;

    /**
     * Tells a file from every other one in this folder, whatever is written to it, also from one that gets its name later.
     * Only while it exists; on a file system that does not tell when a file was made, perhaps not from one that was made when
     * it was gone. Throws {@link java.nio.file.NoSuchFileException}.
     */
    String identity(String name) throws IOException;

    /** How many bytes more can be written to files of this folder; {@link Long#MAX_VALUE} where nobody can tell. */
    long freeBytes() throws IOException;

    /**
     * How many names a file has, here and in other folders (hard links). A file with more than one belongs to several
     * images, and must not change: see {@code chain.ImageClone}. Throws {@link java.nio.file.NoSuchFileException}.
     */
    int names(String name) throws IOException;

    /**
     * Gives a file of this folder a further name in {@code folder}; durable after that folder's {@link #sync}. Throws
     * {@link java.nio.file.FileAlreadyExistsException} when the name is taken, {@link ImageException} of kind UNSUPPORTED
     * when the two folders do not lie on one file system.
     */
    void link(String name, ImageDirectory folder, String newName) throws IOException;

    /** The names of all files, in no order. */
    List<String> list() throws IOException;

    /**
     * Locks an existing file against other processes and other holders in this one, shared or exclusive, without
     * waiting. A shared lock can be made exclusive later only where the file may be written to. Throws {@link ImageException} of kind IN_USE when somebody holds it.
     */
    ImageLock lock(String name, boolean exclusive) throws IOException;

    /** Every change of names made before the call is durable on return. */
    void sync() throws IOException;

    /**
     * Makes an empty folder in this one and opens it, for files of the same kind; durable after {@link #sync}. Throws {@link
     * java.nio.file.FileAlreadyExistsException} when the name is taken.
     */
    ImageDirectory createFolder(String name) throws IOException;

    /** Opens a folder in this one. Throws {@link java.nio.file.NoSuchFileException} when there is none of that name. */
    ImageDirectory folder(String name) throws IOException;

    /** Whether the name is that of a folder, and not merely of a link to one. */
    boolean hasFolder(String name) throws IOException;

    /** Removes a folder, which must be empty; durable after {@link #sync}. */
    void deleteFolder(String name) throws IOException;

    /**
     * A file and a folder change their names in one step: at every moment, also after a crash, each of the two names is
     * there. Durable after {@link #sync}. Throws {@link ImageException} of kind UNSUPPORTED, before anything has happened,
     * where the file system cannot do that.
     */
    void exchange(String file, String folder) throws IOException;

    /** Where this folder is itself a name; empty for one that lies in no other. */
    Optional<Entry> entry() throws IOException;

    /** A name in a folder. */
    record Entry(ImageDirectory folder, String name) {}

    /** How a file is opened. */
    enum OpenMode {
        READ_ONLY,
        READ_WRITE
    }

    /** A held lock; closing it lets go. */
    interface ImageLock extends Closeable {
        /** The descriptor that carries the lock, to be kept by a second process, or -1 where there is none. */
        int descriptor();

        /**
         * Makes a shared lock exclusive or the other way round, without letting go in between. False when others hold
         * shared locks on the file; then it is what it was.
         */
        boolean convert(boolean exclusive) throws IOException;

        @Override
        void close() throws IOException;
    }
}
