package org.tidemark.ploop.format.qcow2;

import java.io.Closeable;
import org.jspecify.annotations.Nullable;
import org.tidemark.ploop.format.Delta;
import org.tidemark.ploop.io.AlignedBuffer;

/** The memory of one read that goes through tables; lent to one thread at a time. */
final class Workspace implements Closeable {
    /** A map page's worth of the widest L2 entries. */
    static final int TABLE_BYTES = Delta.PAGE_CLUSTERS * 16;

    private final Qcow2Header header;
    final AlignedBuffer table = AlignedBuffer.allocate(TABLE_BYTES);

    /** The entry that was looked up last. */
    long entry;

    long bitmap;

    /** Made when the first compressed cluster is read. */
    private @Nullable Decompressor decompressor;

    Workspace(Qcow2Header header) {
        this.header = header;
    }

    Decompressor decompressor() {
        Decompressor made = decompressor;
        if (made == null) {
            made = new Decompressor(header);
            decompressor = made;
        }
        return made;
    }

    @Override
    public void close() {
        Decompressor made = decompressor;
        if (made != null) {
            made.close();
        }
    }
}
