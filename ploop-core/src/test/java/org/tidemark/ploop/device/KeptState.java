package org.tidemark.ploop.device;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tidemark.ploop.io.AlignedBuffer;

/** A state area whose memory outlives the "process": {@link #successor} is what the next one finds. */
public final class KeptState implements StateArea {
    private final Map<String, AlignedBuffer> regions;
    private final boolean resumed;

    public KeptState() {
        this(new HashMap<>(), false);
    }

    private KeptState(Map<String, AlignedBuffer> regions, boolean resumed) {
        this.regions = regions;
        this.resumed = resumed;
    }

    public KeptState successor() {
        return new KeptState(regions, true);
    }

    @Override
    public boolean resumed() {
        return resumed;
    }

    @Override
    public synchronized AlignedBuffer region(String name, int sizeBytes) {
        AlignedBuffer region =
                regions.computeIfAbsent(name, key -> AlignedBuffer.over(ByteBuffer.allocateDirect(sizeBytes)));
        if (region.capacity() != sizeBytes) {
            throw new IllegalStateException(name + " has " + region.capacity() + " bytes, wanted are " + sizeBytes);
        }
        return region;
    }

    @Override
    public synchronized boolean exists(String name) {
        return regions.containsKey(name);
    }

    @Override
    public synchronized void drop(String name) {
        AlignedBuffer gone = regions.remove(name);
        if (gone != null) {
            gone.zero(0, gone.capacity());
        }
    }

    @Override
    public synchronized void dropStartingWith(String prefix) {
        regions.keySet().removeIf(name -> name.startsWith(prefix));
    }

    @Override
    public synchronized List<String> names() {
        return List.copyOf(regions.keySet());
    }

    @Override
    public void close() {
        // Kept on purpose.
    }
}
