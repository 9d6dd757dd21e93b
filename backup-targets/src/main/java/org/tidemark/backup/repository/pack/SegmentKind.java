package org.tidemark.backup.repository.pack;

import org.jspecify.annotations.Nullable;

/** What a segment holds. */
public enum SegmentKind {
    WHOLE(1),
    SUB_CHUNKS(2),
    MAP_PAGE(3),
    MAP_DIRECTORY(4),
    MAP_ROOT(5);

    private final int code;

    SegmentKind(int code) {
        this.code = code;
    }

    public int code() {
        return code;
    }

    /** Whether it holds a node of a map, not content of a disk. */
    public boolean isNode() {
        return code >= MAP_PAGE.code;
    }

    static @Nullable SegmentKind ofCode(int code) {
        return code >= 1 && code <= values().length ? values()[code - 1] : null;
    }
}
