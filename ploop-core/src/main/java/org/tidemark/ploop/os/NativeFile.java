package org.tidemark.ploop.os;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * An open file by its descriptor, with the calls a {@code FileChannel} does not have or does not do well: direct I/O, hole
 * punching, {@code fdatasync}, locks that belong to the descriptor.
 *
 * <p>Data methods take raw addresses and allocate nothing. They are safe for use by several threads; {@link #close} must
 * come after the last of them.
 */
public final class NativeFile implements Closeable {
    public static final int READ_ONLY = 0;
    public static final int READ_WRITE = 2;
    public static final int CREATE = 0x40;
    public static final int EXCLUSIVE = 0x80;
    /** O_DIRECT, x86-64. */
    public static final int DIRECT = 0x4000;

    public static final int DIRECTORY = 0x10000;
    public static final int NO_FOLLOW = 0x20000;
    public static final int NON_BLOCKING = 0x800;
    private static final int CLOSE_ON_EXEC = 0x80000;
    /** System call, x86-64. */
    private static final int KCMP = 312;

    private static final int KCMP_FILE = 0;

    private static final int FALLOC_KEEP_SIZE = 1;
    private static final int FALLOC_PUNCH_HOLE = 2;
    private static final int FALLOC_ZERO_RANGE = 16;
    private static final int FADV_DONTNEED = 4;
    private static final int SEEK_END = 2;
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;
    private static final int F_GETFL = 3;
    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final int F_OFD_SETLK = 37;
    private static final short LOCK_READ = 0;
    private static final short LOCK_WRITE = 1;
    private static final int AT_EMPTY_PATH = 0x1000;
    private static final int STATX_DIOALIGN = 0x2000;
    private static final int STATX_INODE = 0x100;
    private static final int STATX_BORN = 0x800;
    private static final int STATX_BYTES = 256;
    private static final int STATX_AT_INODE = 32;
    private static final int STATX_AT_BORN_SECONDS = 80;
    private static final int STATX_AT_BORN_NANOS = 88;
    private static final int STATX_DIO_MEMORY_ALIGN = 152;
    private static final int STATX_DIO_OFFSET_ALIGN = 156;

    private final int fd;
    private final String name;
    private final AtomicBoolean closed = new AtomicBoolean();

    private NativeFile(int fd, String name) {
        this.fd = fd;
        this.name = name;
    }

    /** Opens {@code path} with the given flags (close-on-exec is always added); new files get {@code mode}. */
    public static NativeFile open(Path path, int flags, int mode) throws IOException {
        return open(path.toString(), flags, mode);
    }

    /** As {@link #open(Path, int, int)}, for names such as {@code /dev/fuse} or {@code /proc/self/fd/7}. */
    public static NativeFile open(String path, int flags, int mode) throws IOException {
        while (true) {
            int fd = LibC.C.open(path, flags | CLOSE_ON_EXEC, mode);
            if (fd >= 0) {
                return new NativeFile(fd, path);
            }
            int errno = LibC.errno();
            if (errno != Errno.EINTR) {
                throw new OsException("open", path, errno);
            }
        }
    }

    /** Takes over a descriptor that this process already has, for instance one that came over a socket. */
    public static NativeFile adopt(int fd, String name) {
        return new NativeFile(fd, name);
    }

    /** Another descriptor of the same open file: locks and connections live until all of them are closed. */
    public NativeFile duplicate() throws IOException {
        int copy = LibC.C.fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0) {
            throw new OsException("duplicate the descriptor", name, LibC.errno());
        }
        return new NativeFile(copy, name);
    }

    /**
     * Whether {@code other} is a duplicate of this descriptor: one open file, whose locks and position are shared. False also
     * when the kernel does not tell (kcmp).
     */
    public boolean isSameOpenFile(NativeFile other) {
        long pid = ProcessHandle.current().pid();
        return LibC.C.syscall(KCMP, pid, pid, KCMP_FILE, fd, other.fd, 0) == 0;
    }

    /** The descriptor number. It stays owned by this object. */
    public int fd() {
        return fd;
    }

    /** What messages call this file. */
    public String name() {
        return name;
    }

    /** Reads until {@code length} bytes are there or the file ends; returns the number read. */
    public int readAt(long address, int length, long position) throws IOException {
        int done = 0;
        while (done < length) {
            long n = LibC.C.pread(fd, address + done, length - done, position + done);
            if (n == 0) {
                return done;
            }
            if (n < 0) {
                int errno = LibC.errno();
                if (errno != Errno.EINTR) {
                    throw new OsException("pread of " + length + " bytes at " + position, name, errno);
                }
                continue;
            }
            done += (int) n;
        }
        return done;
    }

    /** One {@code pread(2)}: the number of bytes, 0 at the end, or minus the error number. */
    public int readOnceAt(long address, int length, long position) {
        long n = LibC.C.pread(fd, address, length, position);
        return n < 0 ? -LibC.errno() : (int) n;
    }

    /** Writes all {@code length} bytes at {@code position}. Not durable before a sync. */
    public void writeAt(long address, int length, long position) throws IOException {
        int done = 0;
        while (done < length) {
            long n = LibC.C.pwrite(fd, address + done, length - done, position + done);
            if (n < 0) {
                int errno = LibC.errno();
                if (errno != Errno.EINTR) {
                    throw new OsException("pwrite of " + length + " bytes at " + position, name, errno);
                }
                continue;
            }
            done += (int) n;
        }
    }

    /** One {@code read(2)}: the number of bytes, 0 at the end, or minus the error number. For devices such as /dev/fuse. */
    public int read(long address, int length) {
        long n = LibC.C.read(fd, address, length);
        return n < 0 ? -LibC.errno() : (int) n;
    }

    /** One {@code write(2)}: the number of bytes, or minus the error number. For devices such as /dev/fuse. */
    public int write(long address, int length) {
        long n = LibC.C.write(fd, address, length);
        return n < 0 ? -LibC.errno() : (int) n;
    }

    /** Gives the range back to the file system; it reads as zeros, to the byte. The size does not change. */
    public void punchHole(long position, long length) throws IOException {
        allocateCall("punch hole", FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, position, length);
    }

    /** Makes the range read as zeros and keeps it allocated. The size does not change. */
    public void zeroRange(long position, long length) throws IOException {
        allocateCall("zero range", FALLOC_ZERO_RANGE | FALLOC_KEEP_SIZE, position, length);
    }

    /** Allocates the range; what was a hole reads as zeros. The size grows when the range ends beyond it. */
    public void allocate(long position, long length) throws IOException {
        allocateCall("allocate", 0, position, length);
    }

    private void allocateCall(String what, int mode, long position, long length) throws IOException {
        while (LibC.C.fallocate(fd, mode, position, length) != 0) {
            int errno = LibC.errno();
            if (errno != Errno.EINTR) {
                throw new OsException(what + " of " + length + " bytes at " + position, name, errno);
            }
        }
    }

    /** The size in bytes, also of a block device. */
    public long size() throws IOException {
        long size = LibC.C.lseek(fd, 0, SEEK_END);
        if (size < 0) {
            throw new OsException("lseek to the end", name, LibC.errno());
        }
        return size;
    }

    /** The first position at or after {@code position} that holds data, or -1 when only a hole is left. */
    public long nextData(long position) throws IOException {
        return seek("seek to data", SEEK_DATA, position);
    }

    /** The first position at or after {@code position} in a hole; the end of the file counts as one. -1 beyond the end. */
    public long nextHole(long position) throws IOException {
        return seek("seek to hole", SEEK_HOLE, position);
    }

    private long seek(String what, int whence, long position) throws IOException {
        long found = LibC.C.lseek(fd, position, whence);
        if (found < 0) {
            int errno = LibC.errno();
            if (errno == Errno.ENXIO) {
                return -1;
            }
            throw new OsException(what + " from " + position, name, errno);
        }
        return found;
    }

    public void truncate(long sizeBytes) throws IOException {
        check("truncate to " + sizeBytes, LibC.C.ftruncate(fd, sizeBytes));
    }

    /** Data, size and what is needed to find the data are durable on return. */
    public void fdatasync() throws IOException {
        check("fdatasync", LibC.C.fdatasync(fd));
    }

    /**
     * Forgets what the page cache holds of the file and what the kernel takes for written. After a write-back that failed
     * those pages are not what the medium holds. Advice: a file system that cannot, or pages in use, are no error.
     */
    public void dropCleanPages() {
        LibC.C.posix_fadvise(fd, 0, 0, FADV_DONTNEED);
    }

    /** Data and all metadata are durable on return; for a folder: its names. */
    public void fsync() throws IOException {
        check("fsync", LibC.C.fsync(fd));
    }

    /** Writes back the whole file system that this file lies on. */
    public void syncfs() throws IOException {
        check("syncfs", LibC.C.syncfs(fd));
    }

    /** An ioctl with a plain number as argument. Returns what the call returned. */
    public int ioctl(String what, long request, long argument) throws IOException {
        int result = LibC.C.ioctl(fd, request, argument);
        if (result < 0) {
            throw new OsException(what, name, LibC.errno());
        }
        return result;
    }

    /** An ioctl whose argument is a structure in a direct buffer. Returns what the call returned. */
    public int ioctl(String what, long request, ByteBuffer structure) throws IOException {
        int result = ioctl(what, request, NativeMemory.address(structure));
        java.lang.ref.Reference.reachabilityFence(structure);
        return result;
    }

    /** The open flags of the descriptor, or minus the error number when the descriptor is dead. */
    public int statusFlags() {
        int flags = LibC.C.fcntl(fd, F_GETFL, 0);
        return flags < 0 ? -LibC.errno() : flags;
    }

    /**
     * Locks the whole file by its open file description (OFD): the lock lives until the last duplicate of this
     * descriptor, in whatever process, is closed. Returns false when somebody else holds it.
     */
    public boolean tryLock(boolean exclusive) throws IOException {
        ByteBuffer flock = ByteBuffer.allocateDirect(32).order(ByteOrder.nativeOrder());
        flock.putShort(0, exclusive ? LOCK_WRITE : LOCK_READ);
        int result = LibC.C.fcntl(fd, F_OFD_SETLK, NativeMemory.address(flock));
        int errno = result < 0 ? LibC.errno() : 0;
        java.lang.ref.Reference.reachabilityFence(flock);
        if (result == 0) {
            return true;
        }
        if (errno == Errno.EAGAIN || errno == Errno.EACCES) {
            return false;
        }
        throw new OsException("lock", name, errno);
    }

    /**
     * The alignment of positions and memory that direct I/O on this file needs: 0 when the file cannot do direct I/O, -1
     * when the kernel (older than 6.1) or the file system does not tell.
     */
    public int directAlignmentBytes() {
        ByteBuffer result = ByteBuffer.allocateDirect(STATX_BYTES).order(ByteOrder.nativeOrder());
        int failed = LibC.C.statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, NativeMemory.address(result));
        java.lang.ref.Reference.reachabilityFence(result);
        if (failed != 0 || (result.getInt(0) & STATX_DIOALIGN) == 0) {
            return -1;
        }
        return Math.max(result.getInt(STATX_DIO_MEMORY_ALIGN), result.getInt(STATX_DIO_OFFSET_ALIGN));
    }

    /**
     * Tells this file from all others of its file system: inode number and, where the file system knows it, when the file was
     * made, because a later file may get the same number.
     */
    public String identity() throws IOException {
        ByteBuffer result = ByteBuffer.allocateDirect(STATX_BYTES).order(ByteOrder.nativeOrder());
        int failed = LibC.C.statx(fd, "", AT_EMPTY_PATH, STATX_INODE | STATX_BORN, NativeMemory.address(result));
        int errno = failed != 0 ? LibC.errno() : 0;
        java.lang.ref.Reference.reachabilityFence(result);
        if (failed != 0) {
            throw new OsException("statx", name, errno);
        }
        String inode = Long.toHexString(result.getLong(STATX_AT_INODE));
        return (result.getInt(0) & STATX_BORN) == 0
                ? inode
                : inode + ":" + result.getLong(STATX_AT_BORN_SECONDS) + "." + result.getInt(STATX_AT_BORN_NANOS);
    }

    private void check(String call, int result) throws IOException {
        if (result != 0) {
            throw new OsException(call, name, LibC.errno());
        }
    }

    @Override
    public void close() throws IOException {
        if (closed.compareAndSet(false, true) && LibC.C.close(fd) != 0) {
            throw new OsException("close", name, LibC.errno());
        }
    }

    @Override
    public String toString() {
        return name + " (fd " + fd + ")";
    }

    static ByteBuffer cString(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocateDirect(bytes.length + 1).put(bytes).put((byte) 0);
    }
}
