package org.tidemark.ploop.device.attach.nbd;

import java.io.IOException;
import java.util.SortedMap;
import org.tidemark.ploop.device.BlockDevice;

/**
 * Something a client may ask for by name.
 *
 * @param name unique on a server
 * @param description for people
 * @param takesTrim whether TRIM is passed on although the device is read-only (a view)
 * @param contexts dirty bitmaps by name, offered as {@code qemu:dirty-bitmap:<name>}
 */
public record NbdExport(
        String name,
        String description,
        BlockDevice device,
        boolean takesTrim,
        SortedMap<String, DirtyContext> contexts) {

    /** A bitmap over the disk. */
    @FunctionalInterface
    public interface DirtyContext {
        /** Visits the dirty ranges within a range, ascending, not touching each other. */
        void visit(long offsetBytes, long lengthBytes, DirtyVisitor visitor) throws IOException;
    }

    /** Receives one dirty range. */
    @FunctionalInterface
    public interface DirtyVisitor {
        void dirty(long offsetBytes, long lengthBytes);
    }
}
