package org.tidemark.ploop.device.cbt;

import java.util.UUID;

/**
 * An instant of a disk as its tracker knows it: the beginning of a generation.
 *
 * @param trackerId identity of the tracker; a tracker that lost track gets a new one
 * @param generation number of the generation that begins here, from 1
 */
public record Checkpoint(UUID trackerId, long generation) {
    /** The text form, {@code <uuid>/<generation>}. */
    @Override
    public String toString() {
        return trackerId + "/" + generation;
    }

    /** Reads the text form; throws {@link IllegalArgumentException}. */
    public static Checkpoint parse(String text) {
        int slash = text.indexOf('/');
        if (slash < 0) {
            throw new IllegalArgumentException("not a checkpoint: '" + text + "'");
        }
        return new Checkpoint(UUID.fromString(text.substring(0, slash)), Long.parseLong(text.substring(slash + 1)));
    }
}
