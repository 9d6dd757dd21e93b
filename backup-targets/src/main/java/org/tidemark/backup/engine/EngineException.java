package org.tidemark.backup.engine;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A backup or restore ended for a reason that lies neither in the repository nor in the target. */
public final class EngineException extends IOException {
    private static final long serialVersionUID = 1L;

    /** What the caller may do about it. */
    public enum Kind {
        /** The disk could not be read at its instant. Freeze again and back up again. */
        SOURCE_FAILED,
        /** The changes are counted from another point than the parent. Take the right parent, or everything. */
        PARENT_MISMATCH,
        /** Writing the restored image failed. */
        SINK_FAILED,
        /** Asked for. */
        CANCELLED
    }

    private final Kind kind;

    public EngineException(Kind kind, String message) {
        this(kind, message, null);
    }

    public EngineException(Kind kind, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }
}
