package org.tidemark.ploop.device.attach.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tidemark.ploop.os.Errno;
import org.tidemark.ploop.os.OsException;

/** Puts together the answer to one block status request, at most {@link #MAX_EXTENTS} extents. */
final class StatusCollector {
    static final int MAX_EXTENTS = 64 * 1024;

    private final NbdExport export;
    private ByteBuffer out = ByteBuffer.allocate(0);
    private long reached;
    private long run;
    private int runState;
    private boolean full;
    private int limit;

    StatusCollector(NbdExport export) {
        this.export = export;
    }

    /** The extents as pairs of length and state; covers a prefix of the range when there are too many, or one is asked for. */
    ByteBuffer collect(String context, long offset, long length, boolean one) throws IOException {
        out = ByteBuffer.allocate(8 * 16);
        reached = offset;
        run = 0;
        full = false;
        limit = one ? 1 : MAX_EXTENTS;
        if (context.equals(Nbd.BASE_ALLOCATION)) {
            export.device()
                    .extents(
                            offset,
                            length,
                            (at, bytes, zero) -> add(bytes, zero ? Nbd.STATE_HOLE | Nbd.STATE_ZERO : 0));
        } else {
            NbdExport.DirtyContext bitmap = export.contexts().get(context.substring(Nbd.DIRTY_PREFIX.length()));
            if (bitmap == null) {
                throw new OsException("asking for bitmap " + context, export.name(), Errno.EINVAL);
            }
            bitmap.visit(offset, length, (at, bytes) -> {
                add(at - reached, 0);
                add(bytes, Nbd.STATE_DIRTY);
            });
            add(offset + length - reached, 0);
        }
        emit();
        return out.flip();
    }

    private void add(long bytes, int state) {
        if (bytes <= 0 || full) {
            return;
        }
        if (run > 0 && state != runState) {
            emit();
            if (full) {
                return;
            }
        }
        runState = state;
        run += bytes;
        reached += bytes;
    }

    private void emit() {
        if (run <= 0 || full) {
            return;
        }
        if (!out.hasRemaining()) {
            out = ByteBuffer.allocate(out.capacity() * 4).put(out.flip());
        }
        out.putInt((int) run).putInt(runState);
        run = 0;
        full = out.position() / 8 >= limit;
    }
}
