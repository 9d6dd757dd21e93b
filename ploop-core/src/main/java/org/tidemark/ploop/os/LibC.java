package org.tidemark.ploop.os;

import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;
import jnr.ffi.types.size_t;
import jnr.ffi.types.ssize_t;

/**
 * The C functions in use. At most five arguments each (see the package's essay). Addresses travel as {@code long}. Public
 * only because the class that jnr-ffi generates lives in another class loader.
 */
@SuppressWarnings("checkstyle:MethodName")
public interface LibC {
    LibC C = LibraryLoader.create(LibC.class).load("c");
    Runtime RUNTIME = Runtime.getRuntime(C);

    int open(String path, int flags, int mode);

    int close(int fd);

    @ssize_t
    long read(int fd, @size_t long address, @size_t long count);

    @ssize_t
    long write(int fd, @size_t long address, @size_t long count);

    @ssize_t
    long pread(int fd, @size_t long address, @size_t long count, long offset);

    @ssize_t
    long pwrite(int fd, @size_t long address, @size_t long count, long offset);

    int fallocate(int fd, int mode, long offset, long length);

    int ftruncate(int fd, long length);

    long lseek(int fd, long offset, int whence);

    int renameat2(int oldFolder, String oldPath, int newFolder, String newPath, int flags);

    int fsync(int fd);

    int fdatasync(int fd);

    int posix_fadvise(int fd, long offset, long length, int advice);

    int syncfs(int fd);

    int statx(int folder, String path, int flags, int mask, @size_t long resultAddress);

    int fcntl(int fd, int command, @size_t long argument);

    int ioctl(int fd, @size_t long request, @size_t long argument);

    int mount(String source, String target, String type, @size_t long flags, @size_t long dataAddress);

    int umount2(String target, int flags);

    int socket(int domain, int type, int protocol);

    int bind(int fd, @size_t long address, int length);

    int setsockopt(int fd, int level, int option, @size_t long valueAddress, int length);

    int listen(int fd, int backlog);

    int accept4(int fd, @size_t long address, @size_t long lengthAddress, int flags);

    int connect(int fd, @size_t long address, int length);

    @ssize_t
    long sendmsg(int fd, @size_t long message, int flags);

    @ssize_t
    long recvmsg(int fd, @size_t long message, int flags);

    int poll(@size_t long fds, @size_t long count, int timeoutMillis);

    int kill(int pid, int signal);

    int dup(int fd);

    int mlockall(int flags);

    @size_t
    long malloc(@size_t long length);

    @size_t
    long memset(@size_t long address, int value, @size_t long length);

    void free(@size_t long address);

    int madvise(@size_t long address, @size_t long length, int advice);

    int mlock(@size_t long address, @size_t long length);

    int socketpair(int domain, int type, int protocol, @size_t long descriptors);

    int setsid();

    @size_t
    long signal(int number, @size_t long handler);

    int statfs(String path, @size_t long structure);

    @size_t
    long syscall(@size_t long number, long a, long b, long c, long d, long e, long f);

    /** The errno of the last call of this thread. */
    static int errno() {
        return RUNTIME.getLastError();
    }
}
