package org.tidemark.appliance.failure;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The appliance could not do what it was asked. The message names what, where and what to do. */
public final class ApplianceException extends IOException {
    private static final long serialVersionUID = 1L;

    private final FailureKind kind;

    public ApplianceException(FailureKind kind, String message) {
        this(kind, message, null);
    }

    public ApplianceException(FailureKind kind, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public FailureKind kind() {
        return kind;
    }

    public static ApplianceException notFound(String message) {
        return new ApplianceException(FailureKind.NOT_FOUND, message);
    }

    public static ApplianceException conflict(String message) {
        return new ApplianceException(FailureKind.CONFLICT, message);
    }

    public static ApplianceException usage(String message) {
        return new ApplianceException(FailureKind.USAGE, message);
    }
}
