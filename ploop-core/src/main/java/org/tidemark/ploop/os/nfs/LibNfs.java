package org.tidemark.ploop.os.nfs;

import jnr.ffi.LibraryLoader;
import jnr.ffi.annotations.Delegate;
import jnr.ffi.types.size_t;

/**
 * The functions of libnfs in use. At most five arguments each. Addresses travel as {@code long}. Public only because the
 * class that jnr-ffi generates lives in another class loader.
 */
@SuppressWarnings("checkstyle:MethodName")
public interface LibNfs {
    /** Loads the library; an {@link UnsatisfiedLinkError} when it is not installed. */
    static LibNfs load() {
        return LibraryLoader.create(LibNfs.class).load("nfs");
    }

    /** {@code nfs_cb}: {@code error} is 0 or more, or a negative errno; then {@code data} is a text. */
    interface PathCallback {
        @Delegate
        void done(int error, @size_t long context, @size_t long data, @size_t long token);
    }

    /** {@code rpc_cb}: {@code status} is one of RPC_STATUS, {@code data} the answer. */
    interface RpcCallback {
        @Delegate
        void done(@size_t long context, int status, @size_t long data, @size_t long token);
    }

    @size_t
    long nfs_init_context();

    void nfs_destroy_context(@size_t long nfs);

    @size_t
    long nfs_get_rpc_context(@size_t long nfs);

    @size_t
    long nfs_get_error(@size_t long nfs);

    int nfs_get_fd(@size_t long nfs);

    int nfs_which_events(@size_t long nfs);

    int nfs_service(@size_t long nfs, int events);

    int nfs_set_version(@size_t long nfs, int version);

    void nfs_set_autoreconnect(@size_t long nfs, int retries);

    void nfs_set_dircache(@size_t long nfs, int enabled);

    void nfs_set_uid(@size_t long nfs, int uid);

    void nfs_set_gid(@size_t long nfs, int gid);

    @size_t
    long nfs_parse_url_dir(@size_t long nfs, String url);

    void nfs_destroy_url(@size_t long url);

    long nfs_get_readmax(@size_t long nfs);

    long nfs_get_writemax(@size_t long nfs);

    int nfs_mount_async(@size_t long nfs, String server, String export, PathCallback callback, @size_t long token);

    int nfs_stat64_async(@size_t long nfs, String path, PathCallback callback, @size_t long token);

    int nfs_open_async(@size_t long nfs, String path, int flags, PathCallback callback, @size_t long token);

    int nfs_creat_async(@size_t long nfs, String path, int mode, PathCallback callback, @size_t long token);

    @size_t
    long nfs_get_fh(@size_t long file);

    int nfs_close_async(@size_t long nfs, @size_t long file, PathCallback callback, @size_t long token);

    int nfs_truncate_async(@size_t long nfs, String path, long length, PathCallback callback, @size_t long token);

    int nfs_mkdir2_async(@size_t long nfs, String path, int mode, PathCallback callback, @size_t long token);

    int nfs_rmdir_async(@size_t long nfs, String path, PathCallback callback, @size_t long token);

    int nfs_link_async(@size_t long nfs, String from, String to, PathCallback callback, @size_t long token);

    int nfs_rename_async(@size_t long nfs, String from, String to, PathCallback callback, @size_t long token);

    int nfs_unlink_async(@size_t long nfs, String path, PathCallback callback, @size_t long token);

    int nfs_statvfs64_async(@size_t long nfs, String path, PathCallback callback, @size_t long token);

    int nfs_opendir_async(@size_t long nfs, String path, PathCallback callback, @size_t long token);

    @size_t
    long nfs_readdir(@size_t long nfs, @size_t long folder);

    void nfs_closedir(@size_t long nfs, @size_t long folder);

    int rpc_nfs3_getattr_async(@size_t long rpc, RpcCallback callback, @size_t long arguments, @size_t long token);

    int rpc_nfs3_setattr_async(@size_t long rpc, RpcCallback callback, @size_t long arguments, @size_t long token);

    int rpc_nfs3_read_async(@size_t long rpc, RpcCallback callback, @size_t long arguments, @size_t long token);

    int rpc_nfs3_write_async(@size_t long rpc, RpcCallback callback, @size_t long arguments, @size_t long token);

    int rpc_nfs3_commit_async(@size_t long rpc, RpcCallback callback, @size_t long arguments, @size_t long token);

    int nfsstat3_to_errno(int status);

    @size_t
    long rpc_init_context();

    void rpc_destroy_context(@size_t long rpc);

    @size_t
    long rpc_get_error(@size_t long rpc);

    int rpc_get_fd(@size_t long rpc);

    int rpc_which_events(@size_t long rpc);

    int rpc_service(@size_t long rpc, int events);

    int mount_getexports_async(@size_t long rpc, String server, RpcCallback callback, @size_t long token);
}
