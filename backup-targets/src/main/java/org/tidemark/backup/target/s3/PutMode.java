package org.tidemark.backup.target.s3;

/** How create-if-absent is done. */
enum PutMode {
    /** By condition, not proven yet: nothing is promised. */
    UNPROVEN,
    /** By condition, which the store was seen to keep. */
    CONDITIONAL,
    /** By looking and then writing: holds as long as one appliance writes. */
    SINGLE_WRITER
}
