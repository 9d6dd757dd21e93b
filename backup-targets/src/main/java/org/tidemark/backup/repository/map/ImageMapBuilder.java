package org.tidemark.backup.repository.map;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.pack.SegmentKind;

/**
 * The next map of an image: its parent's, or all zero, and what is set. Pages that were touched stay in memory (about
 * 150 KiB each) until {@link #sealBelow} or {@link #finish}. Not safe for several threads.
 */
public final class ImageMapBuilder {
    /** More changed entries than this make a complete page cheaper to read than it is dear to write. */
    private static final int MAX_PATCHED = MapShape.PAGE_CHUNKS / 4;

    private final @Nullable ImageMap parent;
    private final MapShape shape;
    private final MapNodes.Writer nodes;
    private final TreeMap<Integer, OpenPage> open = new TreeMap<>();
    /** New references of pages that were written. */
    private final TreeMap<Integer, List<MapRef>> written = new TreeMap<>();

    private int firstOpenable;

    private static final class OpenPage {
        final MapEntry[] entries;
        final List<MapRef> refs;
        /** Named by the patches among refs. */
        final BitSet patched;
        /** Set since. */
        final BitSet changed = new BitSet();

        OpenPage(MapEntry[] entries, List<MapRef> refs, BitSet patched) {
            this.entries = entries;
            this.refs = refs;
            this.patched = patched;
        }
    }

    public ImageMapBuilder(@Nullable ImageMap parent, long sizeBytes, MapNodes.Writer nodes) {
        this.parent = parent;
        this.nodes = nodes;
        shape = new MapShape(sizeBytes);
    }

    public long chunks() {
        return shape.chunks();
    }

    /** Where {@code chunk} is as things stand. */
    public MapEntry entry(long chunk) throws IOException {
        OpenPage page = open.get(pageOf(chunk));
        if (page != null) {
            return page.entries[(int) (chunk % MapShape.PAGE_CHUNKS)];
        }
        return parent == null || chunk >= parent.chunks() ? MapEntry.ZERO : parent.entry(chunk);
    }

    public void set(long chunk, MapEntry entry) throws IOException {
        OpenPage page = openPage(pageOf(chunk));
        int at = (int) (chunk % MapShape.PAGE_CHUNKS);
        page.entries[at] = entry;
        page.changed.set(at);
    }

    /**
     * Makes chunks zero; those that are already cost nothing.
     *
     * @return how many were not
     */
    public long setZero(long firstChunk, long count) throws IOException {
        if (parent == null && open.isEmpty()) {
            return 0;
        }
        long changed = 0;
        for (long chunk = firstChunk; chunk < firstChunk + count; chunk++) {
            if (chunk % MapShape.PAGE_CHUNKS == 0
                    && firstChunk + count - chunk >= MapShape.PAGE_CHUNKS
                    && isUntouchedZero(pageOf(chunk))) {
                chunk += MapShape.PAGE_CHUNKS - 1;
            } else if (!(entry(chunk) instanceof MapEntry.Zero)) {
                set(chunk, MapEntry.ZERO);
                changed++;
            }
        }
        return changed;
    }

    private boolean isUntouchedZero(int page) throws IOException {
        return !open.containsKey(page)
                && (parent == null
                        || page >= parent.shape().pages()
                        || parent.refs(page).isEmpty());
    }

    private int pageOf(long chunk) {
        if (chunk < 0 || chunk >= shape.chunks()) {
            throw new IllegalArgumentException("chunk " + chunk + " of " + shape.chunks());
        }
        return (int) (chunk / MapShape.PAGE_CHUNKS);
    }

    private OpenPage openPage(int page) throws IOException {
        OpenPage found = open.get(page);
        if (found != null) {
            return found;
        }
        if (page < firstOpenable) {
            throw new IllegalStateException("map page " + page + " is sealed already");
        }
        OpenPage opened = load(page);
        open.put(page, opened);
        return opened;
    }

    /** Writes the pages that lie entirely below {@code chunk}; they cannot be changed afterwards. */
    public void sealBelow(long chunk) throws IOException {
        int page = (int) (Math.min(chunk, shape.chunks()) / MapShape.PAGE_CHUNKS);
        firstOpenable = Math.max(firstOpenable, page);
        while (!open.isEmpty() && open.firstKey() < page) {
            Map.Entry<Integer, OpenPage> behind = open.firstEntry();
            write(behind.getKey(), behind.getValue());
            open.remove(behind.getKey());
        }
    }

    private OpenPage load(int page) throws IOException {
        int length = shape.chunksOfPage(page);
        if (parent == null || page >= parent.shape().pages()) {
            MapEntry[] entries = new MapEntry[length];
            Arrays.fill(entries, MapEntry.ZERO);
            return new OpenPage(entries, List.of(), new BitSet());
        }
        BitSet patched = new BitSet();
        MapEntry[] entries = parent.load(page, patched);
        if (entries.length == length) {
            return new OpenPage(entries, parent.refs(page), patched);
        }
        MapEntry[] resized = Arrays.copyOf(entries, length);
        if (length > entries.length) {
            Arrays.fill(resized, entries.length, length, MapEntry.ZERO);
        }
        // Written complete: the parent's nodes are for another length.
        OpenPage opened = new OpenPage(resized, List.of(), new BitSet());
        opened.changed.set(0, length);
        return opened;
    }

    private void write(int number, OpenPage page) throws IOException {
        if (page.changed.isEmpty()) {
            return;
        }
        List<MapRef> refs;
        BitSet all = new BitSet();
        all.set(0, page.entries.length);
        BitSet patch = (BitSet) page.changed.clone();
        boolean merge = page.refs.size() == MapShape.MAX_PAGE_REFS;
        if (merge) {
            patch.or(page.patched);
        }
        if (page.refs.isEmpty() || patch.cardinality() > MAX_PATCHED) {
            boolean zero = Arrays.stream(page.entries).allMatch(entry -> entry instanceof MapEntry.Zero);
            refs = zero ? List.of() : List.of(writeNode(number, true, page.entries, all));
        } else {
            refs = new ArrayList<>(merge ? page.refs.subList(0, 1) : page.refs);
            refs.add(writeNode(number, false, page.entries, patch));
        }
        written.put(number, refs);
    }

    private MapRef writeNode(int number, boolean complete, MapEntry[] entries, BitSet which) throws IOException {
        return nodes.write(SegmentKind.MAP_PAGE, MapPageCodec.encode(number, complete, entries, which));
    }

    /** Writes what changed and gives the root. Without any change that is the parent's root. */
    public MapRef finish() throws IOException {
        ImageMap before = parent;
        boolean resized = before != null && before.sizeBytes() != shape.sizeBytes();
        if (resized && before != null) {
            int boundary = Math.min(before.shape().pages(), shape.pages()) - 1;
            boolean fits = before.shape().chunksOfPage(boundary) == shape.chunksOfPage(boundary);
            if (!fits && !written.containsKey(boundary) && !open.containsKey(boundary)) {
                write(boundary, load(boundary));
            }
        }
        for (Map.Entry<Integer, OpenPage> page : open.entrySet()) {
            write(page.getKey(), page.getValue());
        }
        open.clear();
        firstOpenable = Integer.MAX_VALUE;
        if (before != null && !resized && written.isEmpty()) {
            return before.rootRef();
        }
        List<@Nullable MapRef> directories = new ArrayList<>();
        for (int directory = 0; directory < shape.directories(); directory++) {
            directories.add(finishDirectory(directory));
        }
        MapTreeCodec.Root root = new MapTreeCodec.Root(shape.sizeBytes(), directories);
        return nodes.write(SegmentKind.MAP_ROOT, MapTreeCodec.encodeRoot(root));
    }

    private @Nullable MapRef finishDirectory(int directory) throws IOException {
        int first = directory * MapShape.DIRECTORY_PAGES;
        int count = shape.pagesOfDirectory(directory);
        ImageMap before = parent;
        if (before != null
                && directory < before.shape().directories()
                && before.shape().pagesOfDirectory(directory) == count
                && written.subMap(first, first + count).isEmpty()) {
            return before.directoryRef(directory);
        }
        List<List<MapRef>> pages = new ArrayList<>(count);
        boolean empty = true;
        for (int page = first; page < first + count; page++) {
            List<MapRef> refs = written.get(page);
            if (refs == null) {
                refs = before != null && page < before.shape().pages() ? before.refs(page) : List.of();
            }
            pages.add(refs);
            empty &= refs.isEmpty();
        }
        return empty ? null : nodes.write(SegmentKind.MAP_DIRECTORY, MapTreeCodec.encodeDirectory(directory, pages));
    }
}
