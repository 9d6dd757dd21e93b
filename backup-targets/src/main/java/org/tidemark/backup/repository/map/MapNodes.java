package org.tidemark.backup.repository.map;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tidemark.backup.repository.pack.SegmentKind;

/** Where nodes come from and go to. */
public final class MapNodes {
    private MapNodes() {}

    /** Stores a node. */
    @FunctionalInterface
    public interface Writer {
        /** Appends {@code raw}, direct, to a pack. The place is final at once, durable later. */
        MapRef write(SegmentKind kind, ByteBuffer raw) throws IOException;
    }

    /** Fetches a node and has compared it with its reference. Safe for many threads. */
    @FunctionalInterface
    public interface Reader {
        /** The raw node, little-endian; DAMAGED when it is not what {@code ref} says. */
        ByteBuffer read(SegmentKind kind, MapRef ref) throws IOException;
    }
}
