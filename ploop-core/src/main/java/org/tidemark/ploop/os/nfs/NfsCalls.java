package org.tidemark.ploop.os.nfs;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What was asked of libnfs and not answered yet. Answers come as callbacks, inside a call to libnfs and on the thread that makes it;
 * what they point to is gone when they return. An answer to what nobody waits for any more is dropped.
 */
final class NfsCalls {
    /** Takes what it needs out of an answer. Must not call libnfs. */
    @FunctionalInterface
    interface Taker {
        /** The status is as libnfs gives it. */
        void answered(int status, long dataAddress);
    }

    private final Map<Long, Taker> open = new HashMap<>();
    private final LibNfs.PathCallback pathCallback = (error, context, data, token) -> answered(token, error, data);
    private final LibNfs.RpcCallback rpcCallback = (context, status, data, token) -> answered(token, status, data);
    private long lastToken;
    private @Nullable Throwable failure;

    LibNfs.PathCallback pathCallback() {
        return pathCallback;
    }

    LibNfs.RpcCallback rpcCallback() {
        return rpcCallback;
    }

    long begin(Taker taker) {
        open.put(++lastToken, taker);
        return lastToken;
    }

    void forget(long token) {
        open.remove(token);
    }

    /** Nothing may be thrown through native code. */
    private void answered(long token, int status, long data) {
        Taker taker = open.remove(token);
        if (taker != null) {
            try {
                taker.answered(status, data);
            } catch (Throwable e) { // Whatever it is: it must not go on through native code.
                failure = e;
            }
        }
    }

    /** Throws when a taker has thrown. */
    void check() {
        Throwable thrown = failure;
        if (thrown != null) {
            failure = null;
            throw new IllegalStateException("an answer of an NFS server could not be taken: " + thrown, thrown);
        }
    }
}
