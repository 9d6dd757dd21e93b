package org.tidemark.ploop.device.attach.fuse;

/** Numbers of the FUSE protocol, version 7, as far as one regular file needs them. Offsets are bytes in a structure. */
final class FuseWire {
    static final int MAJOR = 7;
    static final int MINOR = 38;
    static final long IMAGE_NODE = 1;

    // fuse_in_header, 40 bytes
    static final int IN_HEADER_BYTES = 40;
    static final int IN_LENGTH = 0;
    static final int IN_OPCODE = 4;
    static final int IN_UNIQUE = 8;
    static final int IN_NODE = 16;

    // fuse_out_header, 16 bytes
    static final int OUT_HEADER_BYTES = 16;
    static final int OUT_LENGTH = 0;
    static final int OUT_ERROR = 4;
    static final int OUT_UNIQUE = 8;

    /** fuse_read_in and fuse_write_in are alike up to here: handle, offset, size. */
    static final int IO_BYTES = 40;

    static final int IO_OFFSET = 8;
    static final int IO_SIZE = 16;

    static final int FALLOCATE_BYTES = 32;
    static final int FALLOCATE_OFFSET = 8;
    static final int FALLOCATE_LENGTH = 16;
    static final int FALLOCATE_MODE = 24;

    static final int LOOKUP = 1;
    static final int FORGET = 2;
    static final int GETATTR = 3;
    static final int SETATTR = 4;
    static final int OPEN = 14;
    static final int READ = 15;
    static final int WRITE = 16;
    static final int STATFS = 17;
    static final int RELEASE = 18;
    static final int FSYNC = 20;
    static final int FLUSH = 25;
    static final int INIT = 26;
    static final int DESTROY = 38;
    static final int BATCH_FORGET = 42;
    static final int FALLOCATE = 43;

    static final int NOTIFY_RESEND = 7;

    static final int ATTR_OUT_BYTES = 104;
    static final int STATFS_OUT_BYTES = 80;
    static final int OPEN_OUT_BYTES = 16;
    static final int WRITE_OUT_BYTES = 8;
    static final int INIT_OUT_BYTES = 64;

    static final int SETATTR_SIZE_VALID = 8;

    static final int OPEN_DIRECT_IO = 1;
    static final int OPEN_NO_FLUSH = 1 << 5;
    static final int OPEN_PARALLEL_DIRECT_WRITES = 1 << 6;

    static final int INIT_ASYNC_READ = 1;
    static final int INIT_BIG_WRITES = 1 << 5;
    static final int INIT_ASYNC_DIO = 1 << 15;
    static final int INIT_PARALLEL_DIROPS = 1 << 18;
    static final int INIT_ABORT_ERROR = 1 << 21;
    static final int INIT_MAX_PAGES = 1 << 22;
    static final int INIT_HANDLE_KILLPRIV_V2 = 1 << 28;
    static final int INIT_EXT = 1 << 30;
    /** Second word of flags. */
    static final int INIT2_DIRECT_IO_ALLOW_MMAP = 1 << 4;

    static final int INIT2_HAS_RESEND = 1 << 7;

    static final int FALLOC_KEEP_SIZE = 1;
    static final int FALLOC_PUNCH_HOLE = 2;
    static final int FALLOC_ZERO_RANGE = 16;

    /** The largest request. The kernel would send up to 256 pages; see docs/decisions/0001 for why not. */
    static final int MAX_PAYLOAD_BYTES = 256 << 10;

    static final int MAX_PAGES = MAX_PAYLOAD_BYTES / 4096;
    static final int MAX_BACKGROUND = 256;
    static final int CONGESTION_THRESHOLD = 192;

    private FuseWire() {}
}
