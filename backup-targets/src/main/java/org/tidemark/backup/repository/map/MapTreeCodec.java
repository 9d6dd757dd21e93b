package org.tidemark.backup.repository.map;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.RepositoryException;
import org.tidemark.backup.repository.chunk.ChunkGeometry;

/** Roots and directories as bytes: docs/format/repository.md section 5. */
final class MapTreeCodec {
    private static final int MAX_DIRECTORIES = 4096;

    private MapTreeCodec() {}

    /** A root: the size of the image, and its directories; null where all is zero. */
    record Root(long sizeBytes, List<@Nullable MapRef> directories) {}

    static ByteBuffer encodeRoot(Root root) {
        ByteBuffer node = buffer(8 + root.directories().size() * (1 + MapRef.BYTES));
        new NodeHeader(NodeHeader.ROOT, false, 0, root.directories().size()).put(node);
        node.putLong(root.sizeBytes());
        for (MapRef directory : root.directories()) {
            node.put((byte) (directory == null ? 0 : 1));
            if (directory != null) {
                directory.put(node);
            }
        }
        return node.flip();
    }

    static Root decodeRoot(ByteBuffer node) throws RepositoryException {
        try {
            NodeHeader header = NodeHeader.get(node, NodeHeader.ROOT, 0, MAX_DIRECTORIES);
            long sizeBytes = node.getLong();
            if (sizeBytes < 1
                    || sizeBytes > ChunkGeometry.MAX_IMAGE_BYTES
                    || new MapShape(sizeBytes).directories() != header.items()) {
                throw RepositoryException.damaged(
                        "a map root names " + header.items() + " directories for an image of " + sizeBytes + " bytes");
            }
            List<@Nullable MapRef> directories = new ArrayList<>(header.items());
            for (int i = 0; i < header.items(); i++) {
                directories.add(count(node, 1) == 1 ? MapRef.get(node) : null);
            }
            checkEnd(node, "a map root");
            return new Root(sizeBytes, directories);
        } catch (BufferUnderflowException | IllegalArgumentException e) {
            throw RepositoryException.damaged("a map root is shorter than it says", e);
        }
    }

    static ByteBuffer encodeDirectory(int directory, List<List<MapRef>> pages) {
        int refs = pages.stream().mapToInt(List::size).sum();
        ByteBuffer node = buffer(pages.size() + refs * MapRef.BYTES);
        new NodeHeader(NodeHeader.DIRECTORY, false, directory, pages.size()).put(node);
        for (List<MapRef> page : pages) {
            node.put((byte) page.size());
            page.forEach(ref -> ref.put(node));
        }
        return node.flip();
    }

    static List<List<MapRef>> decodeDirectory(ByteBuffer node, int directory, int pageCount)
            throws RepositoryException {
        try {
            NodeHeader header = NodeHeader.get(node, NodeHeader.DIRECTORY, directory, MapShape.DIRECTORY_PAGES);
            if (header.items() != pageCount) {
                throw RepositoryException.damaged(
                        "map directory " + directory + " has " + header.items() + " pages instead of " + pageCount);
            }
            List<List<MapRef>> pages = new ArrayList<>(pageCount);
            for (int i = 0; i < pageCount; i++) {
                int count = count(node, MapShape.MAX_PAGE_REFS);
                List<MapRef> refs = new ArrayList<>(count);
                for (int j = 0; j < count; j++) {
                    refs.add(MapRef.get(node));
                }
                pages.add(List.copyOf(refs));
            }
            checkEnd(node, "map directory " + directory);
            return pages;
        } catch (BufferUnderflowException | IllegalArgumentException e) {
            throw RepositoryException.damaged("map directory " + directory + " is shorter than it says", e);
        }
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocateDirect(NodeHeader.BYTES + bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static int count(ByteBuffer node, int most) throws RepositoryException {
        int count = node.get();
        if (count < 0 || count > most) {
            throw RepositoryException.damaged(
                    "a node of a map has " + count + " references where " + most + " are possible");
        }
        return count;
    }

    private static void checkEnd(ByteBuffer node, String what) throws RepositoryException {
        if (node.hasRemaining()) {
            throw RepositoryException.damaged(what + " is longer than it says");
        }
    }
}
