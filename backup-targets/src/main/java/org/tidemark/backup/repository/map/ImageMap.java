package org.tidemark.backup.repository.map;

import java.io.IOException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.pack.SegmentKind;

/** The map of one image at one committed point, read as needed. Safe for many threads. */
public final class ImageMap {
    private static final int CACHED_PAGES = 48;

    private final MapNodes.Reader nodes;
    private final MapRef rootRef;
    private final MapTreeCodec.Root root;
    private final MapShape shape;
    /** Guarded by this. At most 4,096. */
    private final Map<Integer, List<List<MapRef>>> directories = new HashMap<>();
    /** Guarded by this. */
    private final Map<Integer, Page> pages = new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Integer, Page> eldest) {
            return size() > CACHED_PAGES;
        }
    };

    private ImageMap(MapNodes.Reader nodes, MapRef rootRef, MapTreeCodec.Root root) {
        this.nodes = nodes;
        this.rootRef = rootRef;
        this.root = root;
        shape = new MapShape(root.sizeBytes());
    }

    public static ImageMap open(MapNodes.Reader nodes, MapRef root) throws IOException {
        return new ImageMap(nodes, root, MapTreeCodec.decodeRoot(nodes.read(SegmentKind.MAP_ROOT, root)));
    }

    public long sizeBytes() {
        return root.sizeBytes();
    }

    /** How many chunks the image has. */
    public long chunks() {
        return shape.chunks();
    }

    /** Where chunk {@code chunk} is. */
    public MapEntry entry(long chunk) throws IOException {
        if (chunk < 0 || chunk >= shape.chunks()) {
            throw new IllegalArgumentException("chunk " + chunk + " of " + shape.chunks());
        }
        return page((int) (chunk / MapShape.PAGE_CHUNKS)).entries()[(int) (chunk % MapShape.PAGE_CHUNKS)];
    }

    /**
     * The first chunk from {@code chunk} on that may hold data; the number of chunks when there is none. Skips zero
     * pages unread.
     */
    public long skipZeroPages(long chunk) throws IOException {
        long at = chunk;
        while (at < shape.chunks() && refs((int) (at / MapShape.PAGE_CHUNKS)).isEmpty()) {
            at = (at / MapShape.PAGE_CHUNKS + 1) * MapShape.PAGE_CHUNKS;
        }
        return Math.min(at, shape.chunks());
    }

    /**
     * What page {@code chunk} lies in is made of; two points with equal answers share the page. Empty when it is zero.
     */
    public List<MapRef> pageRefs(long chunk) throws IOException {
        return refs((int) (chunk / MapShape.PAGE_CHUNKS));
    }

    MapRef rootRef() {
        return rootRef;
    }

    MapShape shape() {
        return shape;
    }

    @Nullable
    MapRef directoryRef(int directory) {
        return root.directories().get(directory);
    }

    synchronized List<MapRef> refs(int page) throws IOException {
        int directory = page / MapShape.DIRECTORY_PAGES;
        MapRef ref = root.directories().get(directory);
        if (ref == null) {
            return List.of();
        }
        List<List<MapRef>> found = directories.get(directory);
        if (found == null) {
            found = MapTreeCodec.decodeDirectory(
                    nodes.read(SegmentKind.MAP_DIRECTORY, ref), directory, shape.pagesOfDirectory(directory));
            directories.put(directory, found);
        }
        return found.get(page % MapShape.DIRECTORY_PAGES);
    }

    /** The entries of a page, and which of them patches named. Neither is changed. */
    private record Page(MapEntry[] entries, BitSet patched) {}

    private synchronized Page page(int number) throws IOException {
        Page page = pages.get(number);
        if (page == null) {
            page = read(number);
            pages.put(number, page);
        }
        return page;
    }

    private Page read(int number) throws IOException {
        MapEntry[] entries = new MapEntry[shape.chunksOfPage(number)];
        Arrays.fill(entries, MapEntry.ZERO);
        BitSet patched = new BitSet();
        boolean complete = true;
        for (MapRef ref : refs(number)) {
            BitSet named = MapPageCodec.decode(nodes.read(SegmentKind.MAP_PAGE, ref), number, complete, entries);
            if (!complete) {
                patched.or(named);
            }
            complete = false;
        }
        return new Page(entries, patched);
    }

    /** A fresh array of the entries of a page; {@code patched} gets those that the patches named. */
    MapEntry[] load(int number, BitSet patched) throws IOException {
        Page page = page(number);
        patched.or(page.patched());
        return page.entries().clone();
    }
}
