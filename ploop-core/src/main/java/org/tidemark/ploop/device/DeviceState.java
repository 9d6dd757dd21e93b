package org.tidemark.ploop.device;

/** What a device does with requests. */
public enum DeviceState {
    /** Serves everything. */
    RUNNING,
    /** Holds new writes back while a barrier is closed; they go on when it opens. */
    QUIESCED,
    /** After an error that cannot be mended: reads are served, writes are refused. */
    ABORTED,
    /** Serves nothing any more. */
    CLOSED
}
