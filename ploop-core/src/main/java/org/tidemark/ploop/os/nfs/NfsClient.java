package org.tidemark.ploop.os.nfs;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The files of one export, through one connection. Paths begin with '/', the root of the export.
 *
 * <p><b>Errors.</b> What the server refuses is an {@link org.tidemark.ploop.os.OsException} with the errno; EAGAIN says that it asks for
 * patience (JUKEBOX). A server that does not answer within the limit, or a broken connection, is a {@link
 * NfsLostException}.
 *
 * <p><b>Threading.</b> One thread at a time.
 */
public interface NfsClient extends Closeable {
    /** How many bytes one request reads or writes best. */
    int transferBytes();

    /** What {@code path} is. */
    NfsAttributes attributes(String path) throws IOException;

    /** What an open file is, whatever its name. */
    NfsAttributes attributes(NfsHandle file) throws IOException;

    /** The handle of an existing file that may be read. */
    NfsHandle open(String path) throws IOException;

    /** Creates a file, or opens the one that is there as it is. Durable on return. */
    NfsHandle create(String path, int mode) throws IOException;

    /** Creates a folder. Durable on return; EEXIST when the name is taken. */
    void createFolder(String path, int mode) throws IOException;

    /** Gives a file a further name. Durable on return; EEXIST when the name is taken. */
    void link(String path, String newPath) throws IOException;

    /** Gives a file another name, replacing one of that name. Durable on return. */
    void rename(String path, String newPath) throws IOException;

    /** Removes the name of a file. Durable on return. */
    void remove(String path) throws IOException;

    /** Removes an empty folder. Durable on return. */
    void removeFolder(String path) throws IOException;

    /** Cuts or extends a file. Durable on return. */
    void truncate(String path, long sizeBytes) throws IOException;

    /** The same of an open file, whatever its name. */
    void truncate(NfsHandle file, long sizeBytes) throws IOException;

    /** What a folder holds, without '.' and '..', in no order. */
    List<NfsEntry> list(String path) throws IOException;

    /** How many bytes this user may still store in the file system of {@code path}. */
    long freeBytes(String path) throws IOException;

    /**
     * Reads into {@code dst}, a direct buffer, from its position on; the position moves by what was read.
     *
     * @return how many bytes were read; fewer than there was room for only at the end of the file
     */
    int read(NfsHandle file, long offsetBytes, ByteBuffer dst) throws IOException;

    /**
     * Writes the remaining bytes of {@code src}, a direct buffer, whose position is not moved.
     *
     * @param stable whether they are to be durable on return; else {@link #commit} makes them so
     */
    Written write(NfsHandle file, long offsetBytes, ByteBuffer src, boolean stable) throws IOException;

    /** Makes what was written to the file durable, if the verifier is the one of the writes. Returns the verifier. */
    long commit(NfsHandle file) throws IOException;

    /** Ends the connection; what was asked and not sent yet is never sent. */
    @Override
    void close();

    /**
     * How a write was answered.
     *
     * @param durable whether the server has made all of it durable already
     * @param oneVerifier whether all parts were answered with one verifier; else the server has restarted meanwhile
     * @param verifier the verifier
     */
    record Written(boolean durable, boolean oneVerifier, long verifier) {}
}
