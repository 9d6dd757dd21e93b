package org.tidemark.backup.repository.map;

import java.io.IOException;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.tidemark.backup.repository.pack.PackId;
import org.tidemark.backup.repository.pack.SegmentKind;

/**
 * Which packs a map needs: those that hold its nodes and those that its pages name. Entries that a patch has replaced
 * count too, because the page that names them is still read.
 */
public final class MapPacks {
    private final MapNodes.Reader nodes;
    private final Set<PackId> packs = new HashSet<>();

    public MapPacks(MapNodes.Reader nodes) {
        this.nodes = nodes;
    }

    /** What was found so far. */
    public Set<PackId> packs() {
        return packs;
    }

    /**
     * Adds what the map under {@code root} needs. Nodes that the map under {@code earlier} has too are not walked again,
     * and what they need is not added.
     */
    public void add(MapRef root, @Nullable MapRef earlier) throws IOException {
        if (root.equals(earlier)) {
            return;
        }
        packs.add(root.segment().pack());
        ImageMap map = ImageMap.open(nodes, root);
        ImageMap before = earlier == null ? null : ImageMap.open(nodes, earlier);
        for (int directory = 0; directory < map.shape().directories(); directory++) {
            MapRef ref = map.directoryRef(directory);
            MapRef old =
                    before == null || directory >= before.shape().directories() ? null : before.directoryRef(directory);
            if (ref != null && !ref.equals(old)) {
                packs.add(ref.segment().pack());
                addPages(map, old == null ? null : before, directory);
            }
        }
    }

    private void addPages(ImageMap map, @Nullable ImageMap before, int directory) throws IOException {
        int first = directory * MapShape.DIRECTORY_PAGES;
        for (int page = first; page < first + map.shape().pagesOfDirectory(directory); page++) {
            List<MapRef> refs = map.refs(page);
            List<MapRef> old = before == null || page >= before.shape().pages() ? List.of() : before.refs(page);
            for (int i = 0; i < refs.size(); i++) {
                if (!old.contains(refs.get(i))) {
                    addPage(refs.get(i), page, map.shape().chunksOfPage(page), i == 0);
                }
            }
        }
    }

    private void addPage(MapRef ref, int page, int chunks, boolean complete) throws IOException {
        packs.add(ref.segment().pack());
        MapEntry[] entries = new MapEntry[chunks];
        BitSet named = MapPageCodec.decode(nodes.read(SegmentKind.MAP_PAGE, ref), page, complete, entries);
        for (int i = named.nextSetBit(0); i >= 0; i = named.nextSetBit(i + 1)) {
            if (entries[i] instanceof MapEntry.Whole whole) {
                packs.add(whole.segment().pack());
            } else if (entries[i] instanceof MapEntry.Mosaic mosaic) {
                mosaic.uses().forEach(use -> packs.add(use.segment().pack()));
            }
        }
    }
}
