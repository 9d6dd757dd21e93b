package org.tidemark.ploop.device.attach.nbd;

/** The numbers of the protocol. */
final class Nbd {
    static final long INIT_MAGIC = 0x4e42444d41474943L;
    static final long OPTION_MAGIC = 0x49484156454F5054L;
    static final long OPTION_REPLY_MAGIC = 0x3e889045565a9L;
    static final int REQUEST_MAGIC = 0x25609513;
    static final int SIMPLE_REPLY_MAGIC = 0x67446698;
    static final int STRUCTURED_REPLY_MAGIC = 0x668e33ef;

    static final int FLAG_FIXED_NEWSTYLE = 1;
    static final int FLAG_NO_ZEROES = 2;

    static final int OPT_EXPORT_NAME = 1;
    static final int OPT_ABORT = 2;
    static final int OPT_LIST = 3;
    static final int OPT_STARTTLS = 5;
    static final int OPT_INFO = 6;
    static final int OPT_GO = 7;
    static final int OPT_STRUCTURED_REPLY = 8;
    static final int OPT_LIST_META_CONTEXT = 9;
    static final int OPT_SET_META_CONTEXT = 10;

    static final int REP_ACK = 1;
    static final int REP_SERVER = 2;
    static final int REP_INFO = 3;
    static final int REP_META_CONTEXT = 4;
    static final int REP_ERR_UNSUPPORTED = 0x80000001;
    static final int REP_ERR_INVALID = 0x80000003;
    static final int REP_ERR_TLS_REQUIRED = 0x80000005;
    static final int REP_ERR_UNKNOWN = 0x80000006;
    static final int REP_ERR_TOO_BIG = 0x80000009;

    static final int INFO_EXPORT = 0;
    static final int INFO_DESCRIPTION = 2;
    static final int INFO_BLOCK_SIZE = 3;

    static final int TRANSMIT_HAS_FLAGS = 1;
    static final int TRANSMIT_READ_ONLY = 2;
    static final int TRANSMIT_FLUSH = 4;
    static final int TRANSMIT_FUA = 8;
    static final int TRANSMIT_TRIM = 32;
    static final int TRANSMIT_WRITE_ZEROES = 64;
    static final int TRANSMIT_DF = 128;
    static final int TRANSMIT_MULTI_CONN = 256;

    static final int CMD_READ = 0;
    static final int CMD_WRITE = 1;
    static final int CMD_DISCONNECT = 2;
    static final int CMD_FLUSH = 3;
    static final int CMD_TRIM = 4;
    static final int CMD_WRITE_ZEROES = 6;
    static final int CMD_BLOCK_STATUS = 7;

    static final int CMD_FLAG_FUA = 1;
    static final int CMD_FLAG_REQ_ONE = 8;

    static final int REPLY_FLAG_DONE = 1;
    static final int REPLY_NONE = 0;
    static final int REPLY_OFFSET_DATA = 1;
    static final int REPLY_OFFSET_HOLE = 2;
    static final int REPLY_BLOCK_STATUS = 5;
    static final int REPLY_ERROR = 0x8001;

    static final int STATE_HOLE = 1;
    static final int STATE_ZERO = 2;
    static final int STATE_DIRTY = 1;

    static final String BASE_ALLOCATION = "base:allocation";
    static final String DIRTY_PREFIX = "qemu:dirty-bitmap:";

    /** Largest request served; also the size of a thread's buffer times {@link #PIECES}. */
    static final int MAX_REQUEST_BYTES = 32 << 20;

    static final int BUFFER_BYTES = 512 << 10;
    static final int MAX_OPTION_BYTES = 64 * 1024;
    static final int REQUEST_BYTES = 28;

    private Nbd() {}
}
